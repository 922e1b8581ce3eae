#include "loadtest/consensus/disk_probe.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace groat::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kWriteBytes = 4096;
constexpr int kWrites = 500;
constexpr std::chrono::seconds kLongest{1};

absl::Status SystemError(const std::string& what) {
  return absl::InternalError(absl::StrCat(what, ": ", strerror(errno)));
}

absl::Status WriteAndSync(int fd, const std::string& path, telemetry::LatencyHistogram& sync) {
  const std::string content(kWriteBytes, 'x');
  const Clock::time_point end = Clock::now() + kLongest;
  for (int i = 0; i < kWrites && Clock::now() < end; ++i) {
    const Clock::time_point begin = Clock::now();
    if (write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
        fdatasync(fd) != 0) {
      return SystemError(path);
    }
    sync.Record(static_cast<uint64_t>((Clock::now() - begin).count()));
  }
  return absl::OkStatus();
}

}  // namespace

std::string DiskProbe::Text(const std::filesystem::path& folder) const {
  const auto ms = [this](double quantile) {
    return static_cast<double>(sync.Quantile(quantile)) / 1e6;
  };
  if (in_memory) return absl::StrCat("in memory: ", folder.string(), " is a tmpfs");
  return absl::StrFormat("fdatasync of 4 KiB appended in %s: p50 %.2f ms, p99 %.2f ms",
                         folder.string(), ms(0.5), ms(0.99));
}

absl::StatusOr<DiskProbe> ProbeDisk(const std::filesystem::path& folder) {
  DiskProbe probe;
  struct statfs file_system {};
  if (statfs(folder.c_str(), &file_system) != 0) return SystemError(folder.string());
  probe.in_memory = file_system.f_type == TMPFS_MAGIC;
  std::string path = (folder / "groat-disk-probe-XXXXXX").string();
  const int fd = mkstemp(path.data());
  if (fd < 0) return SystemError(path);
  const absl::Status status = WriteAndSync(fd, path, probe.sync);
  close(fd);
  unlink(path.c_str());
  if (!status.ok()) return status;
  return probe;
}

}  // namespace groat::load
