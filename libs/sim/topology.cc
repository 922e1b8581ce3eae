#include "sim/topology.h"

namespace groat::sim {

uint32_t Topology::HostIndex(const std::string& name) {
  const auto [at, added] = index_.try_emplace(name, static_cast<uint32_t>(hosts_.size()));
  if (added) hosts_.push_back({.name = name});
  return at->second;
}

void Topology::SetLink(const std::string& from, const std::string& to, const LinkOptions& link) {
  const uint32_t from_index = HostIndex(from);
  links_[PairOf(from_index, HostIndex(to))] = link;
}

void Topology::Cut(const std::string& from, const std::string& to) {
  const uint32_t from_index = HostIndex(from);
  cuts_.insert(PairOf(from_index, HostIndex(to)));
  Refresh();
}

void Topology::Mend(const std::string& from, const std::string& to) {
  const uint32_t from_index = HostIndex(from);
  cuts_.erase(PairOf(from_index, HostIndex(to)));
  Refresh();
  OnMorePasses();
}

void Topology::Partition(const std::vector<std::vector<std::string>>& groups) {
  for (Host& host : hosts_) host.group = 0;
  for (size_t group = 0; group < groups.size(); ++group) {
    for (const std::string& name : groups[group]) {
      hosts_[HostIndex(name)].group = static_cast<uint32_t>(group + 1);
    }
  }
  partitioned_ = true;
  Refresh();
  OnMorePasses();
}

void Topology::Heal() {
  cuts_.clear();
  partitioned_ = false;
  for (Host& host : hosts_) host.group = 0;
  Refresh();
  OnMorePasses();
}

void Topology::SetHostState(const std::string& name, HostState state) {
  const uint32_t host = HostIndex(name);
  if (hosts_[host].state == state) return;
  hosts_[host].state = state;
  Refresh();
  if (state == HostState::kDead) OnHostDead(host);
  if (state == HostState::kUp) OnMorePasses();
}

bool Topology::PassesNow(uint32_t from, uint32_t to) const {
  return hosts_[from].state == HostState::kUp && hosts_[to].state == HostState::kUp &&
         hosts_[from].group == hosts_[to].group && !cuts_.contains(PairOf(from, to));
}

// Most of the time everything passes, and then nothing is looked up.
void Topology::Refresh() {
  all_passes_ = cuts_.empty() && !partitioned_;
  for (const Host& host : hosts_) all_passes_ = all_passes_ && host.state == HostState::kUp;
}

}  // namespace groat::sim
