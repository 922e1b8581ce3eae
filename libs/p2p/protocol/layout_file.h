// A layout from a YAML file that all nodes of a network share.
//
//   # Who connects to whom: all_to_all, star or graph.
//   layout: graph
//   # A name of 1 to 64 characters for each public key of 64 hexadecimal digits.
//   peers:
//     north: 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c
//     east: fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025
//     south: d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a
//     west: 278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e
//   # Of a graph: the neighbours of every peer. Both ends name each other, and every peer can be
//   # reached from every other.
//   links:
//     north: [east, west]
//     east: [north, south]
//     south: [east, west]
//     west: [south, north]
//
// A star has `hubs` in place of `links`, and only its hubs need a name: every other peer connects
// to all hubs.
//
//   layout: star
//   peers:
//     north: 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c
//   hubs: [north]
//
// all_to_all has no further key, and is what nodes do without a file.
//
// Errors are InvalidArgument, and give source, line, key, value and what was wanted. A file is at
// most kMaxLayoutFileBytes long and names at most kMaxPeersInSet peers.
// Thread-safe; ParseLayout is pure.
#ifndef GROAT_P2P_PROTOCOL_LAYOUT_FILE_H_
#define GROAT_P2P_PROTOCOL_LAYOUT_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "p2p/protocol/layout.h"

namespace groat::p2p {

inline constexpr size_t kMaxLayoutFileBytes = size_t{1} << 20;

// `source` names the text in errors.
absl::StatusOr<Layout> ParseLayout(const std::string& text, std::string_view source);
// Also the errors of ReadWholeFile.
absl::StatusOr<Layout> LoadLayout(const std::string& path);

}  // namespace groat::p2p

#endif  // GROAT_P2P_PROTOCOL_LAYOUT_FILE_H_
