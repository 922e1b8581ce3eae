#include "storage/embedded_register.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::storage {
namespace {

// The database's keys start with one of these; integers are big-endian.
//   'm'                      version u8, revision u64, compacted revision u64, last lease u64
//   'k' key                  create revision u64, mod revision u64, lease u64, value
//   'h' revision u64 index u32   kind u8, create revision u64, key size u32, key, value
//   'l' lease u64            time to live in seconds u64
constexpr char kMetaTag = 'm';
constexpr char kKeyTag = 'k';
constexpr char kHistoryTag = 'h';
constexpr char kLeaseTag = 'l';
constexpr uint8_t kFormatVersion = 1;

rocksdb::Slice ToSlice(const Bytes& bytes) {
  return rocksdb::Slice(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

ByteWriter& Signed(ByteWriter& writer, int64_t value) {
  return writer.U64(static_cast<uint64_t>(value));
}

int64_t Signed(ByteReader& reader) { return static_cast<int64_t>(reader.U64()); }

std::string ReadRest(ByteReader& reader) { return ToString(reader.Raw(reader.remaining())); }

std::string KeyOfKey(std::string_view key) {
  return absl::StrCat("k", absl::string_view(key.data(), key.size()));
}

Bytes KeyOfHistory(int64_t revision, uint32_t index) {
  ByteWriter out;
  out.U8(kHistoryTag);
  Signed(out, revision).U32(index);
  return out.Take();
}

Bytes KeyOfLease(LeaseId lease) {
  ByteWriter out;
  out.U8(kLeaseTag);
  return Signed(out, lease.value()).Take();
}

absl::Status FromRocks(const rocksdb::Status& status, const std::string& path) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat("register ", path, ": ", status.ToString());
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return absl::UnavailableError(message);
  }
  if (status.IsCorruption()) return absl::DataLossError(message);
  return absl::InternalError(message);
}

absl::Status LoadRecord(ByteView key, ByteView value, RegisterState& state) {
  ByteReader key_reader(key);
  ByteReader reader(value);
  switch (static_cast<char>(key_reader.U8())) {
    case kMetaTag: {
      const uint8_t version = reader.U8();
      if (version != kFormatVersion) {
        return absl::DataLossError(
            absl::StrCat("format version ", version, ", want ", kFormatVersion));
      }
      const int64_t revision = Signed(reader);
      const int64_t compacted = Signed(reader);
      state.LoadMeta(revision, compacted, LeaseId(Signed(reader)));
      break;
    }
    case kLeaseTag:
      state.LoadLease(LeaseId(Signed(key_reader)),
                      absl::Seconds(static_cast<int64_t>(reader.U64())));
      break;
    case kKeyTag: {
      RegisterState::Stored stored;
      stored.create_revision = Signed(reader);
      stored.mod_revision = Signed(reader);
      stored.lease = LeaseId(Signed(reader));
      stored.value = ReadRest(reader);
      state.LoadKey(ReadRest(key_reader), std::move(stored));
      break;
    }
    case kHistoryTag: {
      WatchEvent event;
      event.item.mod_revision = Signed(key_reader);
      key_reader.U32();
      event.kind = reader.U8() == 0 ? WatchEvent::Kind::kPut : WatchEvent::Kind::kDelete;
      event.item.create_revision = Signed(reader);
      event.item.key = ToString(reader.Raw(reader.U32()));
      event.item.value = ReadRest(reader);
      state.LoadHistory(std::move(event));
      break;
    }
    default:
      return absl::DataLossError(absl::StrCat("unknown record ", ToHex(key)));
  }
  GROAT_RETURN_IF_ERROR(key_reader.Finish("register key"));
  return reader.Finish("register record");
}

// Two passes, since a key with a lease needs its lease: 'l' comes after 'k' in the order of bytes.
absl::StatusOr<RegisterState> LoadState(rocksdb::DB& db, const std::string& path) {
  RegisterState state;
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  for (const bool leases : {true, false}) {
    const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(options));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const bool is_lease = !it->key().empty() && it->key()[0] == kLeaseTag;
      if (is_lease != leases) continue;
      const absl::Status loaded =
          LoadRecord(AsBytes({it->key().data(), it->key().size()}),
                     AsBytes({it->value().data(), it->value().size()}), state);
      if (!loaded.ok()) {
        return absl::DataLossError(absl::StrCat("register ", path, ": ", loaded.message()));
      }
    }
    GROAT_RETURN_IF_ERROR(FromRocks(it->status(), path));
  }
  state.ReleaseAll(absl::Now());
  return state;
}

// Writes deltas. Remembers of the state only what the meta record holds.
class Journal {
 public:
  Journal(std::unique_ptr<rocksdb::DB> db, const RegisterState& state)
      : db_(std::move(db)),
        compacted_revision_(state.compacted_revision()),
        last_lease_(state.last_lease()) {}

  void Write(const StateDelta& delta) {
    rocksdb::WriteBatch batch;
    uint32_t index = 0;
    for (const StateDelta::Entry& entry : delta.entries) AddEntry(entry, index++, batch);
    if (delta.granted.has_value()) {
      last_lease_ = delta.granted->first;
      const int64_t ttl_s = absl::ToInt64Seconds(delta.granted->second);
      ByteWriter value;
      batch.Put(ToSlice(KeyOfLease(last_lease_)), ToSlice(Signed(value, ttl_s).bytes()));
    }
    if (delta.ended.has_value()) batch.Delete(ToSlice(KeyOfLease(*delta.ended)));
    if (delta.compacted.has_value()) {
      compacted_revision_ = *delta.compacted;
      batch.DeleteRange(ToSlice(KeyOfHistory(0, 0)),
                        ToSlice(KeyOfHistory(compacted_revision_ + 1, 0)));
    }
    ByteWriter meta;
    meta.U8(kFormatVersion);
    Signed(Signed(Signed(meta, delta.revision), compacted_revision_), last_lease_.value());
    batch.Put(rocksdb::Slice(&kMetaTag, 1), ToSlice(meta.bytes()));
    rocksdb::WriteOptions options;
    options.sync = true;
    const rocksdb::Status written = db_->Write(options, &batch);
    GROAT_CHECK(written.ok()) << "register " << db_->GetName() << ": " << written.ToString();
  }

 private:
  static void AddEntry(const StateDelta::Entry& entry, uint32_t index, rocksdb::WriteBatch& batch) {
    const KeyValue& item = entry.event.item;
    const bool is_delete = entry.event.kind == WatchEvent::Kind::kDelete;
    ByteWriter history;
    history.U8(is_delete ? 1 : 0);
    Signed(history, item.create_revision)
        .U32(static_cast<uint32_t>(item.key.size()))
        .Text(item.key)
        .Text(item.value);
    batch.Put(ToSlice(KeyOfHistory(item.mod_revision, index)), ToSlice(history.bytes()));
    if (is_delete) {
      batch.Delete(KeyOfKey(item.key));
      return;
    }
    ByteWriter current;
    Signed(Signed(Signed(current, item.create_revision), item.mod_revision), entry.lease.value())
        .Text(item.value);
    batch.Put(KeyOfKey(item.key), ToSlice(current.bytes()));
  }

  const std::unique_ptr<rocksdb::DB> db_;
  int64_t compacted_revision_;
  LeaseId last_lease_;
};

}  // namespace

EmbeddedRegister::EmbeddedRegister(RegisterState state, Persist persist)
    : LocalRegister(std::move(state), std::move(persist), [] { return absl::Now(); }) {}

absl::StatusOr<std::unique_ptr<EmbeddedRegister>> EmbeddedRegister::Open(const std::string& path) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // A sync covers only what was written: a torn tail of the log is an unacknowledged write.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.write_buffer_size = 8 << 20;
  options.max_open_files = 64;
  options.keep_log_file_num = 2;
  rocksdb::DB* raw = nullptr;
  GROAT_RETURN_IF_ERROR(FromRocks(rocksdb::DB::Open(options, path, &raw), path));
  std::unique_ptr<rocksdb::DB> db(raw);
  GROAT_ASSIGN_OR_RETURN(RegisterState state, LoadState(*db, path));
  // Shared, because the base class writes until its thread has ended.
  auto journal = std::make_shared<Journal>(std::move(db), state);
  return std::unique_ptr<EmbeddedRegister>(new EmbeddedRegister(
      std::move(state), [journal](const StateDelta& delta) { journal->Write(delta); }));
}

}  // namespace groat::storage
