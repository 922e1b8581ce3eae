// mesh_benchmark: the peer mesh beside bare sockets, one process a node.
//
//   mesh_benchmark                         everything
//   mesh_benchmark --only echo stream      some of: echo stream ping form events memory
//   mesh_benchmark --only echo --bare-only
//
// Prints tables in Markdown. Everything runs on the loopback interface, on the same processors. The
// baseline is what one writes by hand for the purpose: epoll, OpenSSL, TLS 1.3 with the same kind
// of certificates, messages coalesced into records of 16 KiB.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "loadtest/mesh/bare_node.h"
#include "loadtest/mesh/comparisons.h"
#include "loadtest/mesh/links.h"
#include "loadtest/mesh/mesh_node.h"
#include "loadtest/mesh/network_events.h"

namespace groat::load {
namespace {

void RunNode(const std::string& form, size_t self, size_t nodes) {
  Report("ready");
  if (form == "bare") {
    RunBareNode(self, nodes);
  } else {
    RunMeshNode(self, nodes,
                {.star = form == "star",
                 .carrier = form == "grpc" ? p2p::Carrier::kGrpc : p2p::Carrier::kTls});
  }
}

int Main(int argc, char** argv) {
  CLI::App app{"The peer mesh beside bare sockets."};
  std::vector<std::string> only;
  ComparisonOptions comparison;
  EventOptions events;
  bool bare_only = false;
  bool mesh_only = false;
  size_t turns = 3;
  app.add_option("--only", only, "echo, stream, ping, form, events, memory");
  app.add_option("--turns", turns, "of each form and thing")->check(CLI::Range(1, 100));
  app.add_option("--echo-nodes", comparison.echo_nodes, "beside the leader")
      ->check(CLI::Range(1, 200));
  app.add_option("--rounds", comparison.rounds, "of broadcast and echo with 5 nodes")
      ->check(CLI::Range(100, 10'000'000));
  app.add_option("--messages", comparison.messages, "one way")
      ->check(CLI::Range(1000, 1'000'000'000));
  app.add_option("--pings", comparison.pings, "urgent messages")->check(CLI::Range(100, 1'000'000));
  app.add_option("--form-nodes", events.form_nodes, "of a mesh that forms")
      ->check(CLI::Range(2, 200));
  app.add_option("--event-nodes", events.nodes, "of the mesh in which nodes fail")
      ->check(CLI::Range(3, 200));
  app.add_flag("--bare-only", bare_only, "the baseline alone");
  app.add_flag("--mesh-only", mesh_only, "the mesh alone");
  app.add_flag("--grpc", comparison.grpc, "the mesh over gRPC streams too");
  std::string form;
  size_t self = 0;
  size_t nodes = 0;
  CLI::App* node = app.add_subcommand("node", "what this program starts for itself");
  node->group("");
  node->add_option("form", form)->required();
  node->add_option("self", self)->required();
  node->add_option("nodes", nodes)->required();
  CLI11_PARSE(app, argc, argv);
  if (node->parsed()) {
    RunNode(form, self, nodes);
    return 0;
  }
  signal(SIGPIPE, SIG_IGN);
  comparison.turns = events.turns = turns;
  comparison.bare = !mesh_only;
  comparison.mesh = !bare_only;
  const std::vector<std::pair<std::string, std::function<absl::Status()>>> all = {
      {"echo", [&] { return CompareEcho(comparison); }},
      {"stream", [&] { return CompareStream(comparison); }},
      {"ping", [&] { return ComparePing(comparison); }},
      {"form", [&] { return MeasureForming(events); }},
      {"events", [&] { return MeasureEvents(events); }},
      {"memory", [&] { return MeasureMemory(events); }},
  };
  for (const auto& [name, measure] : all) {
    if (!only.empty() && std::find(only.begin(), only.end(), name) == only.end()) continue;
    const absl::Status status = measure();
    if (!status.ok()) {
      std::cerr << name << ": " << status << "\n";
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace groat::load

int main(int argc, char** argv) { return groat::load::Main(argc, argv); }
