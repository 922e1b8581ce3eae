// `groat trace ...`: what a node recorded of a protocol.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "examples/examples.h"
#include "p2p/trace/replay.h"
#include "p2p/trace/trace_reader.h"
#include "p2p/trace/trace_text.h"
#include "tools/groat/commands/commands.h"
#include "tools/groat/terminal/table.h"

namespace groat::commands {
namespace {

using p2p::TraceField;
using p2p::TraceRecord;

struct TraceOptions {
  std::string folder;
  uint64_t run = 0;  // 0: all for show, the last for replay.
  uint64_t from = 1;
  uint64_t limit = 0;  // 0: all.
  std::vector<std::string> kinds;
  std::string peer;

  std::optional<uint64_t> chosen_run() const {
    return run == 0 ? std::nullopt : std::optional<uint64_t>(run);
  }
};

std::string Text(std::string_view text) { return std::string(text); }

Json PeersJson(std::span<const p2p::PeerId> peers) {
  Json list = Json::array();
  for (const p2p::PeerId& peer : peers) list.push_back(peer.Hex());
  return list;
}

Json FieldJson(const TraceRecord& record, TraceField field) {
  switch (field) {
    case TraceField::kNumber:
      return record.number;
    case TraceField::kSecondNumber:
      return record.second_number;
    case TraceField::kChannel:
      return record.channel.value();
    case TraceField::kPeer:
      return record.peer.Hex();
    case TraceField::kPeers:
      return PeersJson(record.peers);
    case TraceField::kRecipients:
      return record.to_all ? Json("all") : PeersJson(record.recipients);
    case TraceField::kPayload:
      return ToHex(record.payload);
    case TraceField::kMessage:
      if (!record.has_message) return nullptr;
      return {{"from", record.from.Hex()}, {"payload", ToHex(record.payload)}};
    case TraceField::kLabel:
      return Text(record.label);
    case TraceField::kText:
      return Text(record.text);
    case TraceField::kCode:
      return absl::StatusCodeToString(record.code);
  }
  return nullptr;
}

Json RecordJson(const p2p::TraceReader& reader, const TraceRecord& record) {
  Json value = {{"record", reader.number()},
                {"run", reader.run()},
                {"time_ns", record.time.time_since_epoch().count()},
                {"outside", record.outside},
                {"kind", Text(p2p::NameOf(record.kind))}};
  for (const p2p::TraceFieldLayout& layout : p2p::LayoutOf(record.kind)) {
    value[Text(layout.name)] = FieldJson(record, layout.field);
  }
  return value;
}

std::string RecordText(const p2p::TraceReader& reader, const TraceRecord& record) {
  const double seconds = std::chrono::duration<double>(record.time.time_since_epoch()).count();
  std::string when;
  if (record.kind == p2p::TraceKind::kStart) {
    when = absl::StrCat(" at=", terminal::Time(record.number));
  }
  // What a protocol calls stands to the right of what it was called with.
  const char* indent = record.kind < p2p::TraceKind::kNow ? "" : "  ";
  return absl::StrFormat("%8d  %14.6f  %s%s%s%s\n", reader.number(), seconds, indent,
                         record.outside ? "(outside) " : "",
                         p2p::TraceRecordText(record, p2p::TraceAnswers::kWith), when);
}

// Which records are asked for.
class Filter {
 public:
  static absl::StatusOr<Filter> Make(const TraceOptions& options) {
    Filter filter;
    for (const std::string& name : options.kinds) {
      const std::optional<p2p::TraceKind> kind = p2p::TraceKindNamed(name);
      if (!kind.has_value()) {
        std::vector<std::string> known;
        for (const p2p::TraceKind one : p2p::AllTraceKinds()) known.push_back(Text(NameOf(one)));
        return absl::InvalidArgumentError(
            absl::StrCat("--kind is \"", name, "\", want one of ", absl::StrJoin(known, ", ")));
      }
      filter.kinds_.insert(*kind);
    }
    filter.from_ = options.from;
    filter.peer_ = absl::AsciiStrToLower(options.peer);
    const bool is_hex = std::all_of(filter.peer_.begin(), filter.peer_.end(),
                                    [](unsigned char c) { return absl::ascii_isxdigit(c); });
    if (!is_hex || filter.peer_.size() > 2 * p2p::PeerId::kSize) {
      return absl::InvalidArgumentError(absl::StrCat("--peer is \"", options.peer,
                                                     "\", want the first hexadecimal digits of "
                                                     "its key"));
    }
    return filter;
  }

  bool Matches(uint64_t number, const TraceRecord& record) const {
    if (number < from_) return false;
    if (!kinds_.empty() && !kinds_.contains(record.kind)) return false;
    return peer_.empty() || NamesPeer(record);
  }

 private:
  bool IsPeer(const p2p::PeerId& peer) const { return peer.Hex().starts_with(peer_); }
  bool IsAmong(std::span<const p2p::PeerId> peers) const {
    return std::any_of(peers.begin(), peers.end(),
                       [this](const p2p::PeerId& peer) { return IsPeer(peer); });
  }
  bool NamesPeer(const TraceRecord& record) const {
    for (const p2p::TraceFieldLayout& layout : p2p::LayoutOf(record.kind)) {
      if ((layout.field == TraceField::kPeer && IsPeer(record.peer)) ||
          (layout.field == TraceField::kPeers && IsAmong(record.peers)) ||
          (layout.field == TraceField::kRecipients && IsAmong(record.recipients)) ||
          (layout.field == TraceField::kMessage && record.has_message && IsPeer(record.from))) {
        return true;
      }
    }
    return false;
  }

  uint64_t from_ = 1;
  std::set<p2p::TraceKind> kinds_;
  std::string peer_;
};

void PrintNote(const Shell& shell, const std::string& name, uint64_t value,
               const std::string& text) {
  shell.PrintItem({{"note", name}, {"value", value}, {"text", text}}, "-- " + text + "\n");
}

ExitCode ShowRecords(Shell& shell, const TraceOptions& options, const Filter& filter) {
  auto reader =
      p2p::TraceReader::Open(storage::RealFileSystem(), options.folder, options.chosen_run());
  if (!reader.ok()) return shell.Fail(reader.status());
  if (reader->first_number() > 1 && options.run == 0) {
    PrintNote(shell, "deleted", reader->first_number() - 1,
              absl::StrCat("records before ", reader->first_number(),
                           " were deleted to make room for later ones"));
  }
  uint64_t shown = 0;
  TraceRecord record;
  while (!shell.cancellation.cancelled()) {
    const absl::StatusOr<bool> read = reader->Next(record);
    if (!read.ok()) return shell.Fail(read.status());
    if (!*read) break;
    if (!filter.Matches(reader->number(), record)) continue;
    shell.PrintItem(RecordJson(*reader, record), RecordText(*reader, record));
    if (++shown == options.limit) return ExitCode::kOk;
  }
  if (reader->torn_bytes() > 0) {
    PrintNote(shell, "torn", reader->torn_bytes(),
              absl::StrCat("the last ", reader->torn_bytes(), " bytes of ", reader->torn_path(),
                           " are no whole record: they are being written, or the writer was "
                           "stopped at them"));
  }
  return ExitCode::kOk;
}

ExitCode Show(Shell& shell, const TraceOptions& options) {
  const absl::StatusOr<Filter> filter = Filter::Make(options);
  if (!filter.ok()) return shell.Usage(std::string(filter.status().message()));
  return ShowRecords(shell, options, *filter);
}

const char* VerdictName(p2p::ReplayStop::Reason reason) {
  switch (reason) {
    case p2p::ReplayStop::Reason::kEnd:
      return "same";
    case p2p::ReplayStop::Reason::kDifference:
      return "differs";
    case p2p::ReplayStop::Reason::kUnreadable:
      break;
  }
  return "unknown";
}

ExitCode VerdictCode(p2p::ReplayStop::Reason reason) {
  switch (reason) {
    case p2p::ReplayStop::Reason::kEnd:
      return ExitCode::kOk;
    case p2p::ReplayStop::Reason::kDifference:
      return ExitCode::kNo;
    case p2p::ReplayStop::Reason::kUnreadable:
      break;
  }
  return ExitCode::kUnknown;
}

Json ResultJson(const p2p::ReplayResult& result) {
  Json value = {{"verdict", VerdictName(result.stop.reason)},
                {"protocol", result.protocol},
                {"run", result.run},
                {"self", result.self.Hex()},
                {"recorded_version", result.recorded_version},
                {"began_at_ms", result.wall_clock_ms},
                {"records", result.records},
                {"tasks", result.tasks},
                {"skipped_records", result.skipped},
                {"torn_bytes", result.torn_bytes},
                {"stopped_at_record", result.stop.record},
                {"stopped_at_ns", result.stop.time.time_since_epoch().count()}};
  if (result.stop.reason == p2p::ReplayStop::Reason::kDifference) {
    value["want"] = result.stop.want;
    value["came"] = result.stop.came;
  }
  if (!result.stop.why.empty()) value["why"] = result.stop.why;
  return value;
}

std::string ResultText(const p2p::ReplayResult& result) {
  std::string text = absl::StrCat(
      "run ", result.run, " of ", result.protocol, " at ", p2p::ShortName(result.self), ", begun ",
      terminal::Time(static_cast<uint64_t>(result.wall_clock_ms)), ", recorded by version ",
      result.recorded_version, "\n", terminal::Grouped(result.records), " records in ",
      terminal::Grouped(result.tasks), " tasks replayed without a difference\n");
  const p2p::ReplayStop& stop = result.stop;
  const double seconds = std::chrono::duration<double>(stop.time - result.began).count();
  if (stop.reason == p2p::ReplayStop::Reason::kDifference) {
    absl::StrAppendFormat(&text, "differs at record %d, %.6f s after the start: %s\n", stop.record,
                          seconds, stop.why);
    absl::StrAppend(&text, "  recorded  ", stop.want, "\n  now       ", stop.came, "\n");
  } else if (stop.reason == p2p::ReplayStop::Reason::kUnreadable) {
    absl::StrAppendFormat(&text, "stopped at record %d, %.6f s after the start: %s\n", stop.record,
                          seconds, stop.why);
  }
  if (result.skipped > 0) {
    absl::StrAppend(&text, terminal::Grouped(result.skipped),
                    " records skipped of what others than the protocol did with its network\n");
  }
  if (result.torn_bytes > 0) {
    absl::StrAppend(&text, result.torn_bytes, " bytes at the end are no whole record\n");
  }
  return text;
}

ExitCode Replay(Shell& shell, const TraceOptions& options) {
  p2p::ProtocolRegistry registry;
  examples::AddExamples(registry);
  const absl::StatusOr<p2p::ReplayResult> result =
      p2p::ReplayTrace(storage::RealFileSystem(), options.folder, registry, options.chosen_run());
  if (!result.ok()) return shell.Fail(result.status());
  shell.Print(ResultJson(*result), ResultText(*result));
  return VerdictCode(result->stop.reason);
}

void AddFolder(CLI::App& app, TraceOptions& options) {
  app.add_option("folder", options.folder, "Folder of the trace's files")->required();
}

void AddShow(CLI::App& trace, Shell& shell, const std::shared_ptr<TraceOptions>& options) {
  CLI::App* show = trace.add_subcommand(
      "show", "Print a trace: what a protocol was given, and what it did with it");
  AddFolder(*show, *options);
  show->add_option("--run", options->run, "Only this run; default: all");
  show->add_option("--from", options->from, "First record")->capture_default_str();
  show->add_option("--limit", options->limit, "How many to show; 0: all")->capture_default_str();
  show->add_option("--kind", options->kinds,
                   "Only records of this kind (send, poll, timer_fired, ...); a,b or repeated")
      ->delimiter(',');
  show->add_option("--peer", options->peer,
                   "Only records that name the peer whose key begins with these digits");
  show->footer(
      "A line has the record's number, the executor's time in seconds, and what happened: at the\n"
      "margin what began a task of the protocol, indented the calls that it made in that task,\n"
      "with their answers. With --json one object a line, payloads in full.\n"
      "Exit codes: 0 shown to the end, which a crash may have torn; 2 no trace, or damaged.");
  show->callback([&shell, options] { shell.exit = Show(shell, *options); });
}

void AddReplay(CLI::App& trace, Shell& shell, const std::shared_ptr<TraceOptions>& options) {
  CLI::App* replay = trace.add_subcommand(
      "replay", "Give a trace's inputs to the protocol again, and stop at the first difference");
  AddFolder(*replay, *options);
  replay->add_option("--run", options->run, "Which run; default: the last one");
  replay->footer(
      "The protocol is made by the name in the trace, from this program's code. It gets the\n"
      "messages, times, random numbers and answers that it got then, in the same order, and each\n"
      "call that it makes is compared with the recorded one.\n"
      "Exit codes: 0 no difference; 1 a difference, which is shown; 2 the trace is damaged or has\n"
      "a gap, its start was deleted, or the protocol is not known.");
  replay->callback([&shell, options] { shell.exit = Replay(shell, *options); });
}

}  // namespace

void AddTraceCommand(CLI::App& app, Shell& shell) {
  CLI::App* trace = app.add_subcommand("trace", "Show and replay what a node's protocol recorded");
  trace->require_subcommand(1);
  const auto options = std::make_shared<TraceOptions>();
  AddShow(*trace, shell, options);
  AddReplay(*trace, shell, options);
}

}  // namespace groat::commands
