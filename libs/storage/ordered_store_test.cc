// What both forms of OrderedStore promise, and what only the one in memory can show: the loss of
// what was not synced.
#include "storage/ordered_store.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "base/status_matchers.h"
#include "storage/memory_store.h"
#include "storage/rocks_store.h"

namespace groat::storage {
namespace {

using ::groat::testing::StatusIs;
using Durability = OrderedStore::Durability;

std::unique_ptr<OrderedStore> MakeStore(const std::string& kind, const std::string& folder) {
  if (kind == "memory") return std::make_unique<MemoryStore>();
  const auto values = kind == "rocks" ? RocksStore::Values::kSmall : RocksStore::Values::kLarge;
  return std::make_unique<RocksStore>(*RocksStore::Open(folder, values));
}

class OrderedStoreTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "groat_ordered_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    store_ = MakeStore(GetParam(), folder_);
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string KeysFrom(std::string_view begin, std::string_view end) const {
    std::string keys;
    GROAT_EXPECT_OK(store_->Scan(AsBytes(begin), AsBytes(end), [&](ByteView key, ByteView) {
      keys += ToString(key);
      return true;
    }));
    return keys;
  }
  std::string folder_;
  std::unique_ptr<OrderedStore> store_;
};

TEST_P(OrderedStoreTest, AppliesABatchInItsOrder) {
  StoreBatch batch;
  batch.Put(AsBytes("a"), AsBytes("1")).Put(AsBytes("b"), AsBytes("2")).Delete(AsBytes("a"));
  batch.Put(AsBytes("b"), AsBytes("3"));
  GROAT_ASSERT_OK(store_->Write(batch, Durability::kBuffered));
  EXPECT_EQ(*store_->Get(AsBytes("a")), std::nullopt);
  EXPECT_EQ(*store_->Get(AsBytes("b")), Bytes{'3'});
}

TEST_P(OrderedStoreTest, OrdersKeysAsUnsignedBytes) {
  StoreBatch batch;
  for (const char* key : {"\x7f", "\x80", "a", "\x01"}) batch.Put(AsBytes(key), AsBytes("1"));
  GROAT_ASSERT_OK(store_->Write(batch, Durability::kSynced));
  EXPECT_EQ(KeysFrom("\x01", ""),
            "\x01"
            "a\x7f\x80");
  EXPECT_EQ(KeysFrom("a", "\x80"), "a\x7f");
  EXPECT_EQ((*store_->Last(AsBytes("\x01"), AsBytes("\x7f")))->first, Bytes{'a'});
  EXPECT_EQ(*store_->Last(AsBytes("b"), AsBytes("c")), std::nullopt);
  EXPECT_EQ((*store_->Last(AsBytes("a"), {}))->first, Bytes{0x80});
}

TEST_P(OrderedStoreTest, DeletesRangesInTheOrderOfTheBatch) {
  StoreBatch batch;
  for (const char* key : {"a", "b", "b1", "c", "d"}) batch.Put(AsBytes(key), AsBytes("1"));
  GROAT_ASSERT_OK(store_->Write(batch, Durability::kSynced));
  StoreBatch ranges;
  ranges.DeleteRange(AsBytes("b"), AsBytes("d")).Put(AsBytes("c"), AsBytes("2"));
  ranges.DeleteRange(AsBytes("d"), AsBytes("d"));  // Nothing.
  ranges.DeleteRange(AsBytes("z"), AsBytes("a"));  // Nothing.
  GROAT_ASSERT_OK(store_->Write(ranges, Durability::kSynced));
  EXPECT_EQ(KeysFrom("a", ""), "acd");
  EXPECT_EQ(*store_->Get(AsBytes("b1")), std::nullopt);
  EXPECT_EQ(*store_->Get(AsBytes("c")), Bytes{'2'});
  EXPECT_EQ((*store_->Last(AsBytes("a"), AsBytes("c")))->first, Bytes{'a'});
}

TEST_P(OrderedStoreTest, KeepsLargeValues) {
  const Bytes large(1 << 20, 7);
  GROAT_ASSERT_OK(store_->Write(StoreBatch().Put(AsBytes("a"), large), Durability::kSynced));
  EXPECT_EQ(*store_->Get(AsBytes("a")), large);
}

INSTANTIATE_TEST_SUITE_P(Forms, OrderedStoreTest,
                         ::testing::Values("memory", "rocks", "rocks_large"),
                         [](const auto& instance) { return instance.param; });

TEST(MemoryStoreTest, ForgetsInACrashWhatWasNotSynced) {
  MemoryStore store;
  GROAT_ASSERT_OK(store.Write(StoreBatch().Put(AsBytes("a"), AsBytes("1")), Durability::kBuffered));
  GROAT_ASSERT_OK(store.Write(StoreBatch().Put(AsBytes("b"), AsBytes("1")), Durability::kSynced));
  StoreBatch lost;
  lost.Put(AsBytes("a"), AsBytes("2")).Put(AsBytes("a"), AsBytes("3")).Delete(AsBytes("b"));
  lost.Put(AsBytes("c"), AsBytes("4")).DeleteRange(AsBytes("a"), AsBytes("b"));
  GROAT_ASSERT_OK(store.Write(lost, Durability::kBuffered));
  store.Crash();
  EXPECT_EQ(*store.Get(AsBytes("a")), Bytes{'1'});
  EXPECT_EQ(*store.Get(AsBytes("b")), Bytes{'1'});
  EXPECT_EQ(*store.Get(AsBytes("c")), std::nullopt);
}

TEST(MemoryStoreTest, RefusesWritesWhenTold) {
  MemoryStore store;
  store.FailWrites(absl::ResourceExhaustedError("full"));
  EXPECT_THAT(store.Write(StoreBatch().Put(AsBytes("a"), AsBytes("1")), Durability::kSynced),
              StatusIs(absl::StatusCode::kResourceExhausted, ::testing::_));
}

}  // namespace
}  // namespace groat::storage
