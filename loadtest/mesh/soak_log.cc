#include "loadtest/mesh/soak_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"

namespace groat::load {
namespace {

constexpr off_t kEntryBytes = 13;

}  // namespace

absl::StatusOr<std::vector<SoakEntry>> ReadSoakLog(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(path);
  const Bytes bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<SoakEntry> entries;
  ByteReader reader(bytes);
  while (reader.remaining() >= kEntryBytes) {
    const uint8_t kind = reader.U8();
    if (kind < 1 || kind > 3) {
      return absl::DataLossError(
          absl::StrCat(path, ": entry ", entries.size(), " is of kind ", int{kind}));
    }
    SoakEntry entry;
    entry.kind = static_cast<SoakKind>(kind);
    entry.peer = reader.U32();
    entry.number = reader.U64();
    entries.push_back(entry);
  }
  return entries;
}

SoakLog::SoakLog(const std::string& path)
    : file_(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) {
  GROAT_CHECK(file_ >= 0) << path << ": " << std::strerror(errno);
  const off_t size = lseek(file_, 0, SEEK_END);
  const off_t whole = size - size % kEntryBytes;
  GROAT_CHECK(size >= 0 && ftruncate(file_, whole) == 0 && lseek(file_, whole, SEEK_SET) == whole)
      << path << ": " << std::strerror(errno);
}

SoakLog::~SoakLog() { close(file_); }

void SoakLog::Append(const SoakEntry& entry) {
  ByteWriter writer;
  writer.U8(static_cast<uint8_t>(entry.kind)).U32(entry.peer).U64(entry.number);
  const Bytes& bytes = writer.bytes();
  GROAT_CHECK(write(file_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()))
      << std::strerror(errno);
}

}  // namespace groat::load
