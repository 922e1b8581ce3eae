// Which pairs of peers keep a connection: all, those with a hub, or those of a graph.
//
// A layout says the same at both ends of a pair, as MeshOptions::wants asks. Peers that have no
// connection hear of each other only through what protocols pass on.
//
// Pure; immutable and safe to share between threads.
#ifndef GROAT_P2P_PROTOCOL_LAYOUT_H_
#define GROAT_P2P_PROTOCOL_LAYOUT_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

class Layout {
 public:
  // Names a peer in an error.
  using NameOf = std::function<std::string(const PeerId&)>;

  static Layout AllToAll();
  // Hubs keep connections to everybody, the others to all hubs and to nobody else. InvalidArgument
  // for no hub, or for one that is given twice.
  static absl::StatusOr<Layout> Star(const std::vector<PeerId>& hubs,
                                     const NameOf& name_of = ShortName);
  // The neighbours of each peer. InvalidArgument for less than two peers, a neighbour that is not a
  // peer, the peer itself, or given twice, a link that only one end has, and for peers that no path
  // joins.
  static absl::StatusOr<Layout> Graph(const std::map<PeerId, std::vector<PeerId>>& neighbours,
                                      const NameOf& name_of = ShortName);

  // Whether the two peers keep a connection. False for a peer and itself.
  bool Links(const PeerId& a, const PeerId& b) const;

  // MeshOptions::wants of a node. NotFound if the layout is a graph without that node.
  absl::StatusOr<std::function<bool(const PeerId&)>> WantsOf(const PeerId& self) const;

 private:
  enum class Kind { kAllToAll, kStar, kGraph };
  struct Shape {
    Kind kind;
    std::set<PeerId> hubs;
    std::map<PeerId, std::set<PeerId>> graph;

    bool Links(const PeerId& a, const PeerId& b) const;
  };
  explicit Layout(Shape shape) : shape_(std::make_shared<const Shape>(std::move(shape))) {}

  std::shared_ptr<const Shape> shape_;  // Shared with the functions of WantsOf.
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_PROTOCOL_LAYOUT_H_
