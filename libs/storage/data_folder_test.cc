#include "storage/data_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/status_matchers.h"
#include "base/whole_file.h"

namespace groat::storage {
namespace {

using ::groat::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;

class DataFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "groat_data_" + std::to_string(getpid());
    std::filesystem::remove_all(path_);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  static FolderIdentity Relay() {
    return {.kind = "relay", .fields = {{"network", "main"}, {"relay_id", "7"}}};
  }
  void Create() { GROAT_ASSERT_OK(DataFolder::Open(path_, Relay())); }
  void WriteIdentity(std::string_view text) {
    GROAT_ASSERT_OK(WriteWholeFile(path_ + "/identity", AsBytes(text), 0600, IfExists::kReplace));
  }
  std::string path_;
};

TEST_F(DataFolderTest, CreatesThenOpens) {
  {
    GROAT_ASSERT_OK_AND_ASSIGN(const DataFolder folder, DataFolder::Open(path_, Relay()));
    EXPECT_TRUE(folder.is_new());
    EXPECT_EQ(folder.Inside("log"), path_ + "/log");
  }
  EXPECT_EQ(ReadWholeFile(path_ + "/identity", 1000)->content,
            "format_version=1\nkind=relay\nnetwork=main\nrelay_id=7\n");
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  GROAT_ASSERT_OK_AND_ASSIGN(const DataFolder folder, DataFolder::Open(path_, Relay()));
  EXPECT_FALSE(folder.is_new());
}

TEST_F(DataFolderTest, OneProcessAtATime) {
  {
    GROAT_ASSERT_OK_AND_ASSIGN(DataFolder folder, DataFolder::Open(path_, Relay()));
    const DataFolder moved = std::move(folder);
    EXPECT_THAT(DataFolder::Open(path_, Relay()),
                StatusIs(kRefused, AllOf(HasSubstr(path_), HasSubstr("in use by process " +
                                                                     std::to_string(getpid())))));
  }
  GROAT_EXPECT_OK(DataFolder::Open(path_, Relay()));
}

TEST_F(DataFolderTest, RefusesAnotherIdentityNamingBothValues) {
  Create();
  struct Case {
    const char* name;
    FolderIdentity want;
    const char* message;
  };
  const Case cases[] = {
      {"kind", {.kind = "ledger", .fields = Relay().fields}, "has kind `relay`, want `ledger`"},
      {"network",
       {.kind = "relay", .fields = {{"network", "test"}, {"relay_id", "7"}}},
       "has network `main`, want `test`"},
      {"missing in the folder",
       {.kind = "relay", .fields = {{"network", "main"}, {"relay_id", "7"}, {"shard", "1"}}},
       "has shard nothing, want `1`"},
      {"missing in the program",
       {.kind = "relay", .fields = {{"network", "main"}}},
       "has relay_id `7`, want nothing"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(DataFolder::Open(path_, c.want),
                StatusIs(kRefused, AllOf(HasSubstr(path_), HasSubstr(c.message))))
        << c.name;
  }
}

TEST_F(DataFolderTest, RefusesANewerVersionAndRaisesAnOlder) {
  FolderIdentity second = Relay();
  second.format_version = 2;
  Create();
  {
    GROAT_ASSERT_OK_AND_ASSIGN(DataFolder folder, DataFolder::Open(path_, second));
    EXPECT_EQ(folder.format_version(), 1u);
    GROAT_ASSERT_OK(folder.SetFormatVersion(2));
    EXPECT_EQ(folder.format_version(), 2u);
  }
  EXPECT_THAT(DataFolder::Open(path_, Relay()),
              StatusIs(kRefused, HasSubstr("has format_version 2, want at most 1")));
  EXPECT_EQ(DataFolder::Open(path_, second)->format_version(), 2u);
}

TEST_F(DataFolderTest, RefusesAFolderOfSomethingElse) {
  std::filesystem::create_directory(path_);
  GROAT_ASSERT_OK(WriteWholeFile(path_ + "/photo.jpg", {}, 0600, IfExists::kRefuse));
  EXPECT_THAT(DataFolder::Open(path_, Relay()),
              StatusIs(kRefused, AllOf(HasSubstr(path_), HasSubstr("`photo.jpg`"))));
}

TEST_F(DataFolderTest, AFreshMountAndACutShortCreationAreEmpty) {
  std::filesystem::create_directories(path_ + "/lost+found");
  GROAT_ASSERT_OK(WriteWholeFile(path_ + "/identity.a1B2c3", {}, 0600, IfExists::kRefuse));
  GROAT_EXPECT_OK(DataFolder::Open(path_, Relay()));
}

TEST_F(DataFolderTest, ADamagedIdentityIsDataLoss) {
  Create();
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"", "want the lines"},
      {"kind=relay\nformat_version=1\n", "want the lines"},
      {"format_version=one\nkind=relay\n", "want the lines"},
      {"format_version=1\nkind=relay\nnetwork\n", "line 3: want key=value"},
      {"format_version=1\nkind=relay\n\nnetwork=main\n", "line 3: want key=value"},
      {"format_version=1\nkind=relay\nNet=main\n", "line 3: want key=value"},
      {"format_version=1\nkind=re\x01lay\n", "line 2: want key=value"},
  };
  for (const Case& c : cases) {
    WriteIdentity(c.text);
    EXPECT_THAT(DataFolder::Open(path_, Relay()),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr(path_ + "/identity"), HasSubstr(c.message))))
        << c.text;
  }
}

TEST_F(DataFolderTest, NamesAFolderThatCannotBe) {
  EXPECT_THAT(DataFolder::Open(path_ + "/none/data", Relay()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none/data")));
  FolderIdentity bad = Relay();
  bad.fields["network"] = "two\nlines";
  EXPECT_THAT(DataFolder::Open(path_, bad),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("network")));
}

}  // namespace
}  // namespace groat::storage
