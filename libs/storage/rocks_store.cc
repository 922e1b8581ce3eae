#include "storage/rocks_store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "storage/table_pace.h"

namespace groat::storage {
namespace {

rocksdb::Slice ToSlice(ByteView bytes) {
  if (bytes.empty()) return {};  // RocksDB asserts on the null pointer that an empty view may be.
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
ByteView ToView(const rocksdb::Slice& slice) { return AsBytes({slice.data(), slice.size()}); }
Bytes ToBytes(const rocksdb::Slice& slice) {
  const ByteView view = ToView(slice);
  return Bytes(view.begin(), view.end());
}

absl::StatusCode CodeOf(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return absl::StatusCode::kResourceExhausted;
  switch (status.code()) {
    case rocksdb::Status::kOk:
      return absl::StatusCode::kOk;
    case rocksdb::Status::kNotFound:
      return absl::StatusCode::kNotFound;
    case rocksdb::Status::kCorruption:
      return absl::StatusCode::kDataLoss;
    case rocksdb::Status::kInvalidArgument:
    case rocksdb::Status::kNotSupported:
      return absl::StatusCode::kInvalidArgument;
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTryAgain:
    case rocksdb::Status::kTimedOut:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status ToStatus(const rocksdb::Status& status, absl::string_view operation,
                      const std::string& folder) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(CodeOf(status),
                      absl::StrCat(operation, " ", folder, ": ", status.ToString()));
}

// RocksDB keeps notes in the store's folder. Once a note does not fit on a full disk the next one
// fails an assertion and aborts the process, before the failed write is told to its caller. So
// there are none: what matters comes back as a status.
class NoNotes final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// How finely the pace of tables is kept.
constexpr int64_t kPaceRefillUs = 10'000;

rocksdb::Options MakeOptions(RocksStore::Values values) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // A torn end of the write-ahead log is the trace of a crash; damage before it is an error, even
  // if that costs availability.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.bytes_per_sync = 1 << 20;
  options.max_open_files = 256;
  options.info_log = std::make_shared<NoNotes>();
  // Tables are written and merged in the time that nobody waits for: else what is answered stands
  // still whenever memory goes to a table, and the longer, the more of it. All stores of the
  // process share the threads.
  for (const auto pool : {rocksdb::Env::HIGH, rocksdb::Env::LOW}) {
    options.env->LowerThreadPoolCPUPriority(pool, rocksdb::CpuPriority::kLow);
  }
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  // Most lookups are of keys that are new. Small tables in memory stay in the processor's caches.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.write_buffer_size = 16 << 20;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  if (values == RocksStore::Values::kLarge) {
    options.enable_blob_files = true;
    options.min_blob_size = 4 << 10;
    // A file of values goes when the last of them is deleted. They are deleted in about the order
    // they were written in, so moving those that are left would copy for nothing.
    options.enable_blob_garbage_collection = false;
    // Written slowly, a buffer takes until the next ones have begun.
    options.max_write_buffer_number = 6;
    options.rate_limiter.reset(rocksdb::NewGenericRateLimiter(TablePace::kFirst, kPaceRefillUs));
  }
  return options;
}

rocksdb::Status Add(const StoreBatch::Change& change, rocksdb::WriteBatch& changes) {
  if (change.value.has_value()) return changes.Put(change.key, *change.value);
  if (!change.range_end.has_value()) return changes.Delete(change.key);
  // RocksDB refuses a range whose end is below its beginning when it is too late.
  if (change.key >= *change.range_end) return rocksdb::Status::OK();
  return changes.DeleteRange(change.key, *change.range_end);
}

rocksdb::ReadOptions ReadVerified() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  return options;
}

}  // namespace

// Sets the pace of a store's tables. Thread-safe.
class RocksStore::Pacer {
 public:
  explicit Pacer(std::shared_ptr<rocksdb::RateLimiter> limiter) : limiter_(std::move(limiter)) {}

  void Note(uint64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    const std::optional<int64_t> pace = pace_.Note(bytes, TablePace::Clock::now());
    if (pace.has_value()) limiter_->SetBytesPerSecond(*pace);
  }

 private:
  const std::shared_ptr<rocksdb::RateLimiter> limiter_;
  Mutex mutex_;
  TablePace pace_ ABSL_GUARDED_BY(mutex_);
};

RocksStore::RocksStore(std::string folder, std::unique_ptr<rocksdb::DB> db,
                       std::unique_ptr<Pacer> pacer)
    : folder_(std::move(folder)), db_(std::move(db)), pacer_(std::move(pacer)) {}
RocksStore::RocksStore(RocksStore&&) noexcept = default;
RocksStore& RocksStore::operator=(RocksStore&&) noexcept = default;
RocksStore::~RocksStore() = default;

absl::StatusOr<RocksStore> RocksStore::Open(const std::string& folder, Values values) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Options options = MakeOptions(values);
  const rocksdb::Status status = rocksdb::DB::Open(options, folder, &db);
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return absl::FailedPreconditionError(
        absl::StrCat("open ", folder, ": in use by another process: ", status.ToString()));
  }
  GROAT_RETURN_IF_ERROR(ToStatus(status, "open", folder));
  std::unique_ptr<Pacer> pacer;
  if (options.rate_limiter != nullptr) pacer = std::make_unique<Pacer>(options.rate_limiter);
  return RocksStore(folder, std::unique_ptr<rocksdb::DB>(db), std::move(pacer));
}

absl::StatusOr<std::optional<Bytes>> RocksStore::Get(ByteView key) const {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status =
      db_->Get(ReadVerified(), db_->DefaultColumnFamily(), ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  GROAT_RETURN_IF_ERROR(ToStatus(status, "get from", folder_));
  return ToBytes(value);
}

absl::Status RocksStore::Write(const StoreBatch& batch, Durability durability) {
  rocksdb::WriteBatch changes;
  for (const StoreBatch::Change& change : batch.changes()) {
    GROAT_RETURN_IF_ERROR(ToStatus(Add(change, changes), "write to", folder_));
  }
  if (pacer_ != nullptr) pacer_->Note(changes.GetDataSize());
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kSynced;
  return ToStatus(db_->Write(options, &changes), "write to", folder_);
}

absl::Status RocksStore::Scan(ByteView begin, ByteView end, const Visitor& visit) const {
  rocksdb::ReadOptions options = ReadVerified();
  const rocksdb::Slice upper = ToSlice(end);
  if (!end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  for (it->Seek(ToSlice(begin)); it->Valid(); it->Next()) {
    if (!visit(ToView(it->key()), ToView(it->value()))) break;
  }
  return ToStatus(it->status(), "scan", folder_);
}

absl::StatusOr<std::optional<std::pair<Bytes, Bytes>>> RocksStore::Last(ByteView begin,
                                                                        ByteView end) const {
  rocksdb::ReadOptions options = ReadVerified();
  const rocksdb::Slice lower = ToSlice(begin);
  const rocksdb::Slice upper = ToSlice(end);
  options.iterate_lower_bound = &lower;
  if (!end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  it->SeekToLast();
  GROAT_RETURN_IF_ERROR(ToStatus(it->status(), "scan", folder_));
  if (!it->Valid()) return std::nullopt;
  return std::pair(ToBytes(it->key()), ToBytes(it->value()));
}

absl::Status RocksStore::Checkpoint(const std::string& folder) const {
  rocksdb::Checkpoint* checkpoint = nullptr;
  const rocksdb::Status created = rocksdb::Checkpoint::Create(db_.get(), &checkpoint);
  const std::unique_ptr<rocksdb::Checkpoint> owner(checkpoint);
  GROAT_RETURN_IF_ERROR(ToStatus(created, "checkpoint of", folder_));
  return ToStatus(checkpoint->CreateCheckpoint(folder),
                  absl::StrCat("checkpoint to ", folder, " of"), folder_);
}

}  // namespace groat::storage
