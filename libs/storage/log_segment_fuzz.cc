// Any bytes as the last segment of a log: opening gives an error or a log, never a crash, and a
// log that was opened opens again with the same records.
//
// The first byte of the input chooses whether a sound header stands in front, without which random
// input would never get past it.
#include "base/check.h"
#include "storage/durable_log.h"
#include "storage/memory_file_system.h"

namespace {

using groat::Bytes;
using groat::storage::DurableLog;
using groat::storage::EncodeLogHeader;
using groat::storage::EncodeLogMark;
using groat::storage::EncodeLogRecord;
using groat::storage::LogRecord;
using groat::storage::LogSalt;
using groat::storage::MemoryFileSystem;

// How many records, or nothing if the log is refused.
std::optional<uint64_t> OpenLog(MemoryFileSystem& disk) {
  uint64_t count = 0;
  const auto log = DurableLog::Open(disk, {.folder = "log"}, [&](const LogRecord& record) {
    GROAT_CHECK_EQ(record.sequence, ++count);
    return absl::OkStatus();
  });
  if (!log.ok()) return std::nullopt;
  GROAT_CHECK_EQ((*log)->next_sequence(), count + 1);
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  MemoryFileSystem disk;
  GROAT_CHECK_OK(disk.CreateFolder("log"));
  const std::string path = "log/" + groat::storage::LogSegmentName(0, 1);
  GROAT_CHECK_OK(disk.Create(path).status());
  Bytes content;
  if (data[0] % 4 != 0) EncodeLogHeader(0, 1, LogSalt(), content);
  if (data[0] % 4 >= 2) EncodeLogRecord(1, groat::ByteView(data, size), content);
  if (data[0] % 4 == 3) EncodeLogMark(LogSalt(), 2, content.size(), content);
  content.insert(content.end(), data + 1, data + size);
  disk.SetContent(path, std::move(content));

  const std::optional<uint64_t> first = OpenLog(disk);
  if (!first.has_value()) return 0;
  const std::optional<uint64_t> second = OpenLog(disk);
  GROAT_CHECK(second == first);
  return 0;
}
