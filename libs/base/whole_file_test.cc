#include "base/whole_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/status_matchers.h"

namespace groat {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

class WholeFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "groat_whole_file_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    path_ = folder_ + "/file";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  size_t FileCount() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++count;
    return count;
  }
  std::string folder_, path_;
};

TEST_F(WholeFileTest, ReadsWhatWasWritten) {
  GROAT_ASSERT_OK(WriteWholeFile(path_, AsBytes("content"), 0640, IfExists::kRefuse));
  GROAT_ASSERT_OK_AND_ASSIGN(const WholeFile file, ReadWholeFile(path_, 7));
  EXPECT_EQ(file.content, "content");
  EXPECT_EQ(file.mode, 0640u);
  EXPECT_EQ(FileCount(), 1u);
}

TEST_F(WholeFileTest, RefusesToReplaceUnlessAsked) {
  GROAT_ASSERT_OK(WriteWholeFile(path_, AsBytes("old"), 0600, IfExists::kRefuse));
  EXPECT_THAT(WriteWholeFile(path_, AsBytes("new"), 0600, IfExists::kRefuse),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(path_)));
  EXPECT_EQ(ReadWholeFile(path_, 100)->content, "old");
  GROAT_EXPECT_OK(WriteWholeFile(path_, AsBytes("new"), 0600, IfExists::kReplace));
  EXPECT_EQ(ReadWholeFile(path_, 100)->content, "new");
  EXPECT_EQ(FileCount(), 1u) << "a temporary file was left";
}

TEST_F(WholeFileTest, ErrorsNameThePath) {
  EXPECT_THAT(ReadWholeFile(path_, 100), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  EXPECT_THAT(ReadWholeFile(folder_, 100),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
  EXPECT_THAT(WriteWholeFile(folder_ + "/none/file", {}, 0600, IfExists::kRefuse),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none/file")));
  // A folder stands where the file should go.
  EXPECT_FALSE(WriteWholeFile(folder_, {}, 0600, IfExists::kReplace).ok());
  GROAT_ASSERT_OK(WriteWholeFile(path_, AsBytes("12345"), 0600, IfExists::kRefuse));
  EXPECT_THAT(ReadWholeFile(path_, 4),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("longer than 4 bytes")));
  ASSERT_EQ(mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(ReadWholeFile(folder_ + "/pipe", 4),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
}

}  // namespace
}  // namespace groat
