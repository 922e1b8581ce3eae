#include "storage/etcd_snapshot_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::storage {
namespace {

constexpr size_t kDigestBytes = 32;

absl::Status FileError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

struct EtcdSnapshotFile::State {
  std::string path;
  std::string partial_path;
  int descriptor = -1;
  int64_t size_bytes = 0;
  std::unique_ptr<EVP_MD_CTX, DigestDeleter> digest;
  std::string tail;  // The last 32 bytes so far, which may be the digest.

  ~State() {
    if (descriptor < 0) return;
    close(descriptor);
    unlink(partial_path.c_str());
  }
};

absl::StatusOr<EtcdSnapshotFile> EtcdSnapshotFile::Create(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->partial_path = path + ".partial";
  state->descriptor =
      open(state->partial_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (state->descriptor < 0) return FileError("cannot create", state->partial_path);
  state->digest.reset(EVP_MD_CTX_new());
  GROAT_CHECK(state->digest != nullptr &&
              EVP_DigestInit_ex(state->digest.get(), EVP_sha256(), nullptr) == 1);
  return EtcdSnapshotFile(std::move(state));
}

EtcdSnapshotFile::EtcdSnapshotFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
EtcdSnapshotFile::EtcdSnapshotFile(EtcdSnapshotFile&&) noexcept = default;
EtcdSnapshotFile::~EtcdSnapshotFile() = default;

absl::Status EtcdSnapshotFile::Append(std::string_view bytes) {
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t written = write(state_->descriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("cannot write", state_->partial_path);
    rest.remove_prefix(static_cast<size_t>(written));
  }
  state_->size_bytes += static_cast<int64_t>(bytes.size());
  // Everything but the last 32 bytes so far is certainly not the digest.
  state_->tail.append(bytes);
  if (state_->tail.size() > kDigestBytes) {
    const size_t count = state_->tail.size() - kDigestBytes;
    GROAT_CHECK(EVP_DigestUpdate(state_->digest.get(), state_->tail.data(), count) == 1);
    state_->tail.erase(0, count);
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> EtcdSnapshotFile::Finish() {
  Bytes32 digest;
  GROAT_CHECK(EVP_DigestFinal_ex(state_->digest.get(), digest.data(), nullptr) == 1);
  if (state_->tail.size() != kDigestBytes || ToString(digest) != state_->tail) {
    return absl::DataLossError(absl::StrCat("snapshot ", state_->path, " of ", state_->size_bytes,
                                            " bytes: digest ", ToHex(AsBytes(state_->tail)),
                                            ", want ", digest.Hex()));
  }
  if (fsync(state_->descriptor) != 0) return FileError("cannot sync", state_->partial_path);
  if (rename(state_->partial_path.c_str(), state_->path.c_str()) != 0) {
    return FileError("cannot rename to", state_->path);
  }
  close(std::exchange(state_->descriptor, -1));
  const std::filesystem::path parent = std::filesystem::path(state_->path).parent_path();
  const std::string folder = parent.empty() ? std::string(1, '.') : parent.string();
  const int folder_descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_descriptor < 0) return FileError("cannot open", folder);
  const int synced = fsync(folder_descriptor);
  const absl::Status status = synced == 0 ? absl::OkStatus() : FileError("cannot sync", folder);
  close(folder_descriptor);
  GROAT_RETURN_IF_ERROR(status);
  return state_->size_bytes;
}

}  // namespace groat::storage
