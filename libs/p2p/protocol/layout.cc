#include "p2p/protocol/layout.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::p2p {
namespace {

using GraphSets = std::map<PeerId, std::set<PeerId>>;

absl::Status CheckSymmetric(const GraphSets& graph, const Layout::NameOf& name_of) {
  for (const auto& [peer, neighbours] : graph) {
    for (const PeerId& neighbour : neighbours) {
      const auto other = graph.find(neighbour);
      if (other == graph.end()) {
        return absl::InvalidArgumentError(absl::StrCat(
            name_of(peer), " links to ", name_of(neighbour), ", which has no links of its own"));
      }
      if (!other->second.contains(peer)) {
        return absl::InvalidArgumentError(absl::StrCat(
            name_of(peer), " links to ", name_of(neighbour), ", but ", name_of(neighbour),
            " does not link to ", name_of(peer), "; want every link at both ends"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckConnected(const GraphSets& graph, const Layout::NameOf& name_of) {
  const PeerId& start = graph.begin()->first;
  std::set<PeerId> reached = {start};
  std::vector<PeerId> next = {start};
  while (!next.empty()) {
    const PeerId peer = next.back();
    next.pop_back();
    for (const PeerId& neighbour : graph.at(peer)) {
      if (reached.insert(neighbour).second) next.push_back(neighbour);
    }
  }
  for (const auto& [peer, neighbours] : graph) {
    if (reached.contains(peer)) continue;
    return absl::InvalidArgumentError(absl::StrCat("no path leads from ", name_of(start), " to ",
                                                   name_of(peer), "; ", reached.size(), " of ",
                                                   graph.size(), " peers are joined"));
  }
  return absl::OkStatus();
}

}  // namespace

Layout Layout::AllToAll() { return Layout(Shape{Kind::kAllToAll, {}, {}}); }

absl::StatusOr<Layout> Layout::Star(const std::vector<PeerId>& hubs, const NameOf& name_of) {
  if (hubs.empty()) return absl::InvalidArgumentError("a star of 0 hubs, want 1 or more");
  Shape shape{Kind::kStar, {}, {}};
  for (const PeerId& hub : hubs) {
    if (!shape.hubs.insert(hub).second) {
      return absl::InvalidArgumentError(absl::StrCat("hub ", name_of(hub), " is given twice"));
    }
  }
  return Layout(std::move(shape));
}

absl::StatusOr<Layout> Layout::Graph(const std::map<PeerId, std::vector<PeerId>>& neighbours,
                                     const NameOf& name_of) {
  if (neighbours.size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("a graph of ", neighbours.size(), " peers, want 2 or more"));
  }
  Shape shape{Kind::kGraph, {}, {}};
  for (const auto& [peer, list] : neighbours) {
    std::set<PeerId>& links = shape.graph[peer];
    for (const PeerId& neighbour : list) {
      if (neighbour == peer) {
        return absl::InvalidArgumentError(absl::StrCat(name_of(peer), " links to itself"));
      }
      if (!links.insert(neighbour).second) {
        return absl::InvalidArgumentError(
            absl::StrCat(name_of(peer), " links to ", name_of(neighbour), " twice"));
      }
    }
  }
  GROAT_RETURN_IF_ERROR(CheckSymmetric(shape.graph, name_of));
  GROAT_RETURN_IF_ERROR(CheckConnected(shape.graph, name_of));
  return Layout(std::move(shape));
}

bool Layout::Links(const PeerId& a, const PeerId& b) const { return shape_->Links(a, b); }

absl::StatusOr<std::function<bool(const PeerId&)>> Layout::WantsOf(const PeerId& self) const {
  if (shape_->kind == Kind::kGraph && !shape_->graph.contains(self)) {
    return absl::NotFoundError(absl::StrCat(
        "peer ", self.Hex(), " is not in the layout's graph of ", shape_->graph.size(), " peers"));
  }
  return [shape = shape_, self](const PeerId& peer) { return shape->Links(self, peer); };
}

bool Layout::Shape::Links(const PeerId& a, const PeerId& b) const {
  if (a == b) return false;
  if (kind == Kind::kAllToAll) return true;
  if (kind == Kind::kStar) return hubs.contains(a) || hubs.contains(b);
  const auto found = graph.find(a);
  return found != graph.end() && found->second.contains(b);
}

}  // namespace groat::p2p
