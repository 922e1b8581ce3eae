#include "loadtest/mesh/comparisons.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "loadtest/mesh/node_group.h"

namespace groat::load {
namespace {

constexpr size_t kMessageBytes = 500;
constexpr size_t kBulkBytes = size_t{8} << 20;
constexpr int kPingIntervalUs = 300;

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The results of all turns of one form: the i-th number of each "done" line.
struct Results {
  std::vector<std::vector<double>> runs;
  double Of(size_t i) const {
    std::vector<double> values;
    for (const auto& run : runs) values.push_back(run.at(i));
    return Median(std::move(values));
  }
};

std::vector<Form> FormsOf(const ComparisonOptions& options) {
  std::vector<Form> forms;
  if (options.bare) forms.push_back(Form::kBare);
  if (options.mesh) forms.push_back(Form::kMesh);
  if (options.grpc) forms.push_back(Form::kMeshGrpc);
  return forms;
}

const char* NameOf(Form form) {
  switch (form) {
    case Form::kBare:
      return "bare epoll, OpenSSL";
    case Form::kMesh:
      return "mesh over TLS";
    case Form::kMeshGrpc:
      return "mesh over gRPC";
    case Form::kMeshStar:
      return "mesh over TLS, star";
  }
  return "";
}

// One row; `base` is the bare form's value of the same thing, 0 if there is none.
void PrintEchoRow(const std::string& name, Form form, const Results& results, double base) {
  std::cout << absl::StrFormat("| %s | %s | %.0f | %.0f | %s |\n", name, NameOf(form),
                               results.Of(0), results.Of(1),
                               base > 0 ? absl::StrFormat("%.2f", results.Of(0) / base) : "");
  std::cout << std::flush;
}

}  // namespace

absl::Status CompareEcho(const ComparisonOptions& options) {
  std::cout << absl::StrFormat(
      "Broadcast and echo: the leader sends %d bytes to n nodes and waits for all echoes; medians "
      "of %d turns\n\n| n | form | p50 us | p99 us | p50 / bare |\n|---|---|---|---|---|\n",
      kMessageBytes, options.turns);
  for (const size_t nodes : options.echo_nodes) {
    std::vector<Form> forms = FormsOf(options);
    if (options.mesh && nodes >= 60) forms.push_back(Form::kMeshStar);
    const size_t rounds = std::max<size_t>(500, options.rounds * 5 / std::max<size_t>(nodes, 5));
    std::map<Form, Results> results;
    for (size_t turn = 0; turn < options.turns; ++turn) {
      for (const Form form : forms) {
        GROAT_ASSIGN_OR_RETURN(const auto group, NodeGroup::Start(form, nodes + 1));
        GROAT_ASSIGN_OR_RETURN(auto run,
                               group->Lead(absl::StrCat("echo ", rounds, " ", kMessageBytes)));
        results[form].runs.push_back(std::move(run));
      }
    }
    const double base = options.bare ? results[Form::kBare].Of(0) : 0;
    for (const Form form : forms) PrintEchoRow(absl::StrCat(nodes), form, results[form], base);
  }
  std::cout << "\n";
  return absl::OkStatus();
}

absl::Status CompareStream(const ComparisonOptions& options) {
  std::map<Form, Results> results;
  for (size_t turn = 0; turn < options.turns; ++turn) {
    for (const Form form : FormsOf(options)) {
      GROAT_ASSIGN_OR_RETURN(const auto group, NodeGroup::Start(form, 2));
      GROAT_ASSIGN_OR_RETURN(
          auto run, group->Lead(absl::StrCat("stream 1 ", options.messages, " ", kMessageBytes)));
      results[form].runs.push_back(std::move(run));
    }
  }
  std::cout << absl::StrFormat(
      "One way, %d bytes a message, %d messages\n\n| form | messages/s | / bare |\n|---|---|---|\n",
      kMessageBytes, options.messages);
  const double base = options.bare ? results[Form::kBare].Of(0) : 0;
  for (const Form form : FormsOf(options)) {
    const double rate = results[form].Of(0);
    std::cout << absl::StrFormat("| %s | %.0f | %s |\n", NameOf(form), rate,
                                 base > 0 ? absl::StrFormat("%.2f", rate / base) : "");
  }
  std::cout << "\n" << std::flush;
  return absl::OkStatus();
}

absl::Status ComparePing(const ComparisonOptions& options) {
  std::map<Form, Results> idle;
  std::map<Form, Results> loaded;
  for (size_t turn = 0; turn < options.turns; ++turn) {
    for (const Form form : FormsOf(options)) {
      GROAT_ASSIGN_OR_RETURN(const auto group, NodeGroup::Start(form, 2));
      const auto ping = [&](size_t bulk_bytes) {
        return group->Lead(
            absl::StrCat("ping 1 ", options.pings, " ", kPingIntervalUs, " ", bulk_bytes));
      };
      GROAT_ASSIGN_OR_RETURN(auto idle_run, ping(0));
      idle[form].runs.push_back(std::move(idle_run));
      GROAT_ASSIGN_OR_RETURN(auto loaded_run, ping(kBulkBytes));
      loaded[form].runs.push_back(std::move(loaded_run));
    }
  }
  std::cout << absl::StrFormat(
      "Urgent message of %d bytes there and back, one each %d us, idle and while bulk messages of "
      "8 "
      "MiB flow to the same peer\n\n| form | idle p50 us | p99 | with bulk p50 us | p99 | p50 / "
      "idle "
      "| bulk MB/s |\n|---|---|---|---|---|---|---|\n",
      kMessageBytes, kPingIntervalUs);
  for (const Form form : FormsOf(options)) {
    std::cout << absl::StrFormat("| %s | %.0f | %.0f | %.0f | %.0f | %.2f | %.0f |\n", NameOf(form),
                                 idle[form].Of(0), idle[form].Of(1), loaded[form].Of(0),
                                 loaded[form].Of(1), loaded[form].Of(0) / idle[form].Of(0),
                                 loaded[form].Of(3) / 1e6);
  }
  std::cout << "\n" << std::flush;
  return absl::OkStatus();
}

}  // namespace groat::load
