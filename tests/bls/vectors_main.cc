// bls_vectors FILE...: runs vector files of the form
//   {handler: {case: {"input": ..., "output": ...}}}
// prints each failure and closes with "N passed, M failed". Exit status 0 only if none failed and
// at least one ran; a file that cannot be read counts as a failure.
#include <cstdio>
#include <string>

#include "base/whole_file.h"
#include "tests/bls/vector_handlers.h"

namespace groat::bls {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;

struct Count {
  size_t passed = 0;
  size_t failed = 0;

  void Add(const std::string& where, const absl::Status& status) {
    if (status.ok()) {
      ++passed;
      return;
    }
    ++failed;
    std::printf("FAIL %s: %s\n", where.c_str(), std::string(status.message()).c_str());
  }
};

void RunFile(const std::string& path, Count& count) {
  const absl::StatusOr<WholeFile> file = ReadWholeFile(path, kMaxFileBytes);
  if (!file.ok()) return count.Add(path, file.status());
  const auto handlers = nlohmann::json::parse(file->content, nullptr, /*allow_exceptions=*/false);
  if (!handlers.is_object()) {
    return count.Add(path, absl::InvalidArgumentError("not a JSON object of handlers"));
  }
  for (const auto& [handler, cases] : handlers.items()) {
    const std::string where = path + " " + handler;
    if (!cases.is_object()) {
      count.Add(where, absl::InvalidArgumentError("not a JSON object of cases"));
      continue;
    }
    for (const auto& [name, vector] : cases.items()) {
      count.Add(where + " " + name, RunCase(handler, vector));
    }
  }
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bls_vectors FILE...\n");
    return 2;
  }
  Count count;
  for (int i = 1; i < argc; ++i) RunFile(argv[i], count);
  std::printf("%zu passed, %zu failed\n", count.passed, count.failed);
  return count.failed == 0 && count.passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace groat::bls

int main(int argc, char** argv) { return groat::bls::Main(argc, argv); }
