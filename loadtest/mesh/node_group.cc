#include "loadtest/mesh/node_group.h"

#include <signal.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "loadtest/mesh/links.h"

namespace groat::load {
namespace {

using std::chrono::seconds;

constexpr seconds kStepTime(20);
constexpr seconds kLeadTime(240);
constexpr char kAnyPort[] = "127.0.0.1:0";

double MsSince(int64_t begin_ns, int64_t end_ns) {
  return static_cast<double>(end_ns - begin_ns) / 1e6;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeGroup>> NodeGroup::Start(Form form, size_t nodes) {
  auto group = std::unique_ptr<NodeGroup>(new NodeGroup(form, nodes));
  for (size_t i = 0; i < nodes; ++i) GROAT_RETURN_IF_ERROR(group->StartProcess(i));
  for (const auto& node : group->nodes_) {
    GROAT_RETURN_IF_ERROR(node->Hear("ready", kStepTime).status());
  }
  GROAT_RETURN_IF_ERROR(form == Form::kBare ? group->ConnectBare() : group->ConnectMesh());
  return group;
}

// All are asked to end before any is waited for.
NodeGroup::~NodeGroup() {
  for (const auto& node : nodes_) {
    if (node != nullptr) node->Signal(SIGKILL);
  }
}

absl::Status NodeGroup::StartProcess(size_t node) {
  const char* const forms[] = {"bare", "mesh", "star", "grpc"};
  const char* form = forms[static_cast<size_t>(form_)];
  GROAT_ASSIGN_OR_RETURN(nodes_[node], NodeProcess::Start({"node", form, absl::StrCat(node),
                                                           absl::StrCat(nodes_.size())}));
  return absl::OkStatus();
}

absl::Status NodeGroup::ConnectBare() {
  const int64_t begin_ns = MonotonicNs();
  for (size_t i = 0; i < size(); ++i) GROAT_RETURN_IF_ERROR(node(i).Tell("listen"));
  for (size_t i = 0; i < size(); ++i) {
    GROAT_ASSIGN_OR_RETURN(const auto words, node(i).Hear("listening", kStepTime));
    addresses_[i] = words.at(1);
  }
  for (size_t i = 1; i < size(); ++i) {
    GROAT_RETURN_IF_ERROR(node(0).Tell(absl::StrCat("dial ", i, " ", addresses_[i])));
  }
  for (size_t i = 1; i < size(); ++i) {
    GROAT_RETURN_IF_ERROR(node(0).Hear("connected", kStepTime).status());
  }
  connect_ms_ = MsSince(begin_ns, MonotonicNs());
  return absl::OkStatus();
}

absl::Status NodeGroup::ConnectMesh() {
  GROAT_RETURN_IF_ERROR(node(0).Tell(absl::StrCat("listen ", kAnyPort)));
  GROAT_ASSIGN_OR_RETURN(const auto first, node(0).Hear("listening", kStepTime));
  addresses_[0] = first.at(1);
  const int64_t begin_ns = MonotonicNs();
  for (size_t i = 1; i < size(); ++i) {
    GROAT_RETURN_IF_ERROR(node(i).Tell(absl::StrCat("listen ", kAnyPort, " 0 ", addresses_[0])));
  }
  for (size_t i = 1; i < size(); ++i) {
    GROAT_ASSIGN_OR_RETURN(const auto words, node(i).Hear("listening", kStepTime));
    addresses_[i] = words.at(1);
  }
  if (form_ != Form::kMeshStar) {
    GROAT_ASSIGN_OR_RETURN(connect_ms_, AwaitConnected(size() - 1, begin_ns));
    return absl::OkStatus();
  }
  GROAT_RETURN_IF_ERROR(node(0).Tell(absl::StrCat("await ", size() - 1)));
  GROAT_ASSIGN_OR_RETURN(const auto words, node(0).Hear("connected", kStepTime));
  connect_ms_ = MsSince(begin_ns, std::atoll(words.at(1).c_str()));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> NodeGroup::Lead(const std::string& command) {
  GROAT_RETURN_IF_ERROR(node(0).Tell(command));
  GROAT_ASSIGN_OR_RETURN(const auto words, node(0).Hear("done", kLeadTime));
  std::vector<double> numbers;
  for (size_t i = 1; i < words.size(); ++i) numbers.push_back(std::atof(words[i].c_str()));
  return numbers;
}

absl::StatusOr<double> NodeGroup::AwaitConnected(size_t count, int64_t since_ns,
                                                 const std::vector<size_t>& except) {
  std::vector<size_t> asked;
  for (size_t i = 0; i < size(); ++i) {
    if (std::find(except.begin(), except.end(), i) == except.end()) asked.push_back(i);
  }
  for (const size_t i : asked) GROAT_RETURN_IF_ERROR(node(i).Tell(absl::StrCat("await ", count)));
  double last_ms = 0;
  for (const size_t i : asked) {
    GROAT_ASSIGN_OR_RETURN(const auto words, node(i).Hear("connected", kStepTime));
    last_ms = std::max(last_ms, MsSince(since_ns, std::atoll(words.at(1).c_str())));
  }
  return last_ms;
}

absl::Status NodeGroup::Replace(size_t node) {
  nodes_[node].reset();
  GROAT_RETURN_IF_ERROR(StartProcess(node));
  return nodes_[node]->Hear("ready", kStepTime).status();
}

absl::Status NodeGroup::Listen(size_t node, const std::string& address, size_t bootstrapper) {
  GROAT_RETURN_IF_ERROR(nodes_[node]->Tell(
      absl::StrCat("listen ", address, " ", bootstrapper, " ", addresses_[bootstrapper])));
  GROAT_ASSIGN_OR_RETURN(const auto words, nodes_[node]->Hear("listening", kStepTime));
  addresses_[node] = words.at(1);
  return absl::OkStatus();
}

}  // namespace groat::load
