#include "storage/testing/append_workload.h"

#include <atomic>
#include <optional>
#include <thread>

#include "base/bytes.h"

namespace groat::storage::testing {
namespace {

constexpr char kListKey[] = "list";

std::string EncodeAppended(std::string_view value, uint32_t number) {
  ByteWriter out;
  out.Text(value).U32(number);
  return ToString(out.bytes());
}

// Reads the list into the history. Nothing if the read failed.
std::optional<KeyValue> ReadList(Register& target, AppendHistory& history) {
  const AppendHistory::Operation operation = history.BeginRead();
  const absl::StatusOr<std::optional<KeyValue>> item = target.Read(kListKey);
  if (!item.ok()) return std::nullopt;
  KeyValue list = item->value_or(KeyValue{kListKey, "", 0, 0});
  history.EndRead(operation, DecodeNumbers(list.value));
  return list;
}

// Commits until the comparison holds. `list` is what the client knows of it.
AppendHistory::Outcome Append(Register& target, uint32_t number, KeyValue list) {
  bool maybe_applied = false;
  while (true) {
    const absl::StatusOr<CommitResult> result =
        target.Commit({{{kListKey, list.mod_revision}},
                       {{kListKey, EncodeAppended(list.value, number), {}}},
                       {}});
    if (!result.ok()) {
      maybe_applied |= IsOutcomeUnknown(result.status());
      return maybe_applied ? AppendHistory::Outcome::kUnknown : AppendHistory::Outcome::kNotDone;
    }
    if (result->committed) return AppendHistory::Outcome::kDone;
    list = result->current.empty() ? KeyValue{kListKey, "", 0, 0} : result->current.front();
  }
}

}  // namespace

std::vector<uint32_t> DecodeNumbers(std::string_view value) {
  std::vector<uint32_t> out;
  ByteReader reader(AsBytes(value));
  while (reader.remaining() >= 4) out.push_back(reader.U32());
  return out;
}

void RunAppendWorkload(const std::vector<Register*>& registers, const AppendWorkload& workload,
                       AppendHistory& history) {
  std::atomic<int> finished = 0;
  std::vector<std::thread> threads;
  for (int client = 0; client < workload.clients; ++client) {
    threads.emplace_back([&, client] {
      Register& target = *registers[static_cast<size_t>(client) % registers.size()];
      for (int i = 0; i < workload.appends; ++i) {
        const std::optional<KeyValue> list = ReadList(target, history);
        const auto number = static_cast<uint32_t>(client * workload.appends + i + 1);
        const AppendHistory::Operation operation = history.BeginAppend(number);
        history.EndAppend(operation,
                          Append(target, number, list.value_or(KeyValue{kListKey, "", 0, 0})));
        const int count = finished.fetch_add(1) + 1;
        if (workload.on_progress) workload.on_progress(count);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // The last read must succeed for lost appends to be found.
  while (!ReadList(*registers.front(), history).has_value()) {
  }
}

}  // namespace groat::storage::testing
