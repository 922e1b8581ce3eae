// Runs the program as a user does, and holds what it printed. Tests only.
#ifndef GROAT_TOOLS_GROAT_TESTING_RUN_GROAT_H_
#define GROAT_TOOLS_GROAT_TESTING_RUN_GROAT_H_

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tools/groat/platform/process.h"

namespace groat::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = ::testing::TempDir() + "groatXXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Ran {
  int exit = -1;
  std::string out;
  std::string err;
  nlohmann::json Json() const { return nlohmann::json::parse(out, nullptr, false); }
  // One of each line.
  std::vector<nlohmann::json> JsonLines() const {
    std::vector<nlohmann::json> lines;
    std::istringstream in(out);
    for (std::string line; std::getline(in, line);) {
      lines.push_back(nlohmann::json::parse(line, nullptr, false));
    }
    return lines;
  }
};

inline std::string Content(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// In this folder, with a shell's words.
inline Ran RunGroat(const std::filesystem::path& folder, const std::string& arguments) {
  const std::filesystem::path program = platform::ExecutableFolder() / "groat";
  const std::string command = "cd " + folder.string() + " && " + program.string() + " " +
                              arguments + " > out 2> err < /dev/null";
  const int status = std::system(command.c_str());
  return {WEXITSTATUS(status), Content(folder / "out"), Content(folder / "err")};
}

}  // namespace groat::testing

#endif  // GROAT_TOOLS_GROAT_TESTING_RUN_GROAT_H_
