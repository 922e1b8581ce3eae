#include "storage/rocks_store.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/status_matchers.h"

namespace groat::storage {
namespace {

using ::groat::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Durability = RocksStore::Durability;

class RocksStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "groat_rocks_" + std::to_string(getpid());
    std::filesystem::remove_all(root_);
    std::filesystem::create_directory(root_);
    folder_ = root_ + "/store";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static RocksBatch Letters() {
    RocksBatch batch;
    for (const char* key : {"b", "a", "d", "c"}) batch.Put(AsBytes(key), AsBytes("1"));
    return batch;
  }
  static std::vector<std::string> Keys(const RocksStore& store, std::string_view begin,
                                       std::string_view end, size_t limit = 100) {
    std::vector<std::string> keys;
    GROAT_EXPECT_OK(store.Scan(AsBytes(begin), AsBytes(end), [&](ByteView key, ByteView) {
      keys.push_back(ToString(key));
      return keys.size() < limit;
    }));
    return keys;
  }
  uint64_t FolderBytes() const {
    uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      std::error_code gone;  // Between listing and asking.
      const uintmax_t size = entry.file_size(gone);
      if (!gone) bytes += size;
    }
    return bytes;
  }
  std::string root_, folder_;
};

TEST_F(RocksStoreTest, KeepsWhatWasWritten) {
  {
    GROAT_ASSERT_OK_AND_ASSIGN(RocksStore store, RocksStore::Open(folder_));
    GROAT_ASSERT_OK(store.Write(Letters(), Durability::kSynced));
    GROAT_ASSERT_OK(store.Write(RocksBatch().Delete(AsBytes("a")).Put(AsBytes("b"), AsBytes("")),
                                Durability::kBuffered));
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const RocksStore store, RocksStore::Open(folder_));
  EXPECT_EQ(*store.Get(AsBytes("a")), std::nullopt);
  EXPECT_EQ(*store.Get(AsBytes("b")), Bytes());
  EXPECT_EQ(*store.Get(AsBytes("c")), Bytes{'1'});
}

TEST_F(RocksStoreTest, ScansARangeInOrder) {
  GROAT_ASSERT_OK_AND_ASSIGN(RocksStore store, RocksStore::Open(folder_));
  EXPECT_THAT(Keys(store, "", ""), IsEmpty());
  GROAT_ASSERT_OK(store.Write(Letters(), Durability::kSynced));
  EXPECT_THAT(Keys(store, "", ""), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(Keys(store, "b", "d"), ElementsAre("b", "c"));
  EXPECT_THAT(Keys(store, "b", ""), ElementsAre("b", "c", "d"));
  EXPECT_THAT(Keys(store, "", "", 2), ElementsAre("a", "b"));
  EXPECT_THAT(Keys(store, "e", "z"), IsEmpty());
}

TEST_F(RocksStoreTest, FindsTheLastOfARange) {
  GROAT_ASSERT_OK_AND_ASSIGN(RocksStore store, RocksStore::Open(folder_));
  EXPECT_EQ(*store.Last({}, {}), std::nullopt);
  GROAT_ASSERT_OK(store.Write(Letters(), Durability::kSynced));
  EXPECT_EQ((*store.Last({}, {}))->first, Bytes{'d'});
  EXPECT_EQ((*store.Last(AsBytes("a"), AsBytes("c")))->first, Bytes{'b'});
  EXPECT_EQ(*store.Last(AsBytes("e"), AsBytes("f")), std::nullopt);
}

TEST_F(RocksStoreTest, ACheckpointIsAStoreOfThatMoment) {
  const std::string backup = root_ + "/backup";
  GROAT_ASSERT_OK_AND_ASSIGN(RocksStore store, RocksStore::Open(folder_));
  GROAT_ASSERT_OK(store.Write(Letters(), Durability::kSynced));
  GROAT_ASSERT_OK(store.Checkpoint(backup));
  GROAT_ASSERT_OK(store.Write(RocksBatch().Delete(AsBytes("a")), Durability::kSynced));
  GROAT_ASSERT_OK_AND_ASSIGN(const RocksStore copy, RocksStore::Open(backup));
  EXPECT_THAT(Keys(copy, "", ""), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(store.Checkpoint(backup),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(backup)));
}

TEST_F(RocksStoreTest, LargeValuesDeletedInOrderGiveTheirSpaceBack) {
  constexpr uint64_t kLeast = 128;
  constexpr uint64_t kMost = 1024;
  constexpr uint64_t kKept = 16;
  constexpr size_t kValueBytes = 1 << 20;
  const auto key = [](uint64_t number) {
    Bytes bytes(8);
    StoreBigEndian(number, bytes.data(), 8);
    return bytes;
  };
  GROAT_ASSERT_OK_AND_ASSIGN(RocksStore store,
                             RocksStore::Open(folder_, RocksStore::Values::kLarge));
  // Files go after the merging that found them empty, on another thread: it goes on until half of
  // the space came back.
  uint64_t written = 0;
  for (; written < kLeast || FolderBytes() > written * kValueBytes / 2; ++written) {
    ASSERT_LT(written, kMost) << FolderBytes();
    const uint64_t i = written;
    RocksBatch batch;
    batch.Put(key(i), Bytes(kValueBytes, static_cast<uint8_t>(i)));
    if (i >= kKept) batch.DeleteRange(key(i - kKept), key(i - kKept + 1));
    GROAT_ASSERT_OK(store.Write(batch, Durability::kBuffered));
  }
  for (uint64_t i = 0; i < written; ++i) {
    GROAT_ASSERT_OK_AND_ASSIGN(const std::optional<Bytes> value, store.Get(key(i)));
    ASSERT_EQ(value.has_value(), i >= written - kKept) << i;
    if (value.has_value()) {
      ASSERT_EQ(*value, Bytes(kValueBytes, static_cast<uint8_t>(i)));
    }
  }
}

TEST_F(RocksStoreTest, OneOwnerAtATime) {
  GROAT_ASSERT_OK_AND_ASSIGN(const RocksStore store, RocksStore::Open(folder_));
  EXPECT_THAT(RocksStore::Open(folder_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(folder_)));
}

TEST_F(RocksStoreTest, AFolderThatCannotBeCreated) {
  std::ofstream(root_ + "/file") << "x";
  const auto store = RocksStore::Open(root_ + "/file");
  EXPECT_FALSE(store.ok());
  EXPECT_THAT(std::string(store.status().message()), HasSubstr(root_ + "/file"));
}

// Flips a byte in the middle of each file with data; no later read may give a wrong value.
TEST_F(RocksStoreTest, DamageIsDataLossOrHarmless) {
  const std::string value(2000, 'v');
  const auto read_all = [&](const std::string& folder) -> absl::Status {
    const auto store = RocksStore::Open(folder);
    if (!store.ok()) return store.status();
    size_t count = 0;
    const absl::Status status = store->Scan({}, {}, [&](ByteView, ByteView found) {
      EXPECT_EQ(AsText(found), value);
      ++count;
      return true;
    });
    if (status.ok()) {
      EXPECT_EQ(count, 50u);
    }
    return status;
  };
  {
    GROAT_ASSERT_OK_AND_ASSIGN(RocksStore store, RocksStore::Open(folder_));
    for (uint8_t i = 0; i < 50; ++i) {
      const uint8_t key[] = {i};
      GROAT_ASSERT_OK(store.Write(RocksBatch().Put(key, AsBytes(value)), Durability::kSynced));
    }
    // A checkpoint without a write-ahead log: everything is in table files.
    GROAT_ASSERT_OK(store.Checkpoint(root_ + "/tables"));
  }
  size_t damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root_ + "/tables")) {
    if (entry.path().extension() != ".sst") continue;
    const std::string copy = root_ + "/copy";
    std::filesystem::remove_all(copy);
    std::filesystem::copy(root_ + "/tables", copy);
    {
      std::fstream file(copy + "/" + entry.path().filename().string(),
                        std::ios::in | std::ios::out | std::ios::binary);
      const char flipped = 'w';
      file.seekp(static_cast<std::streamoff>(entry.file_size() / 4));
      file.write(&flipped, 1);
    }
    EXPECT_THAT(read_all(copy), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(copy)));
    ++damaged;
  }
  EXPECT_GE(damaged, 1u);
  GROAT_EXPECT_OK(read_all(folder_));
}

}  // namespace
}  // namespace groat::storage
