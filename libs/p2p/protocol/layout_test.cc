#include "p2p/protocol/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_matchers.h"
#include "base/whole_file.h"
#include "p2p/protocol/layout_file.h"

namespace groat::p2p {
namespace {

using groat::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

PeerId Peer(uint8_t number) {
  PeerId peer;
  peer.data()[31] = number;
  return peer;
}
const PeerId kA = Peer(1);
const PeerId kB = Peer(2);
const PeerId kC = Peer(3);
const PeerId kD = Peer(4);

// Every pair of the four, as "ab ac ...", that the layout links; fails where the two ends differ.
std::string LinksOf(const Layout& layout) {
  const PeerId peers[] = {kA, kB, kC, kD};
  std::string links;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_FALSE(layout.Links(peers[i], peers[i]));
    for (size_t j = i + 1; j < 4; ++j) {
      const auto wants_i = layout.WantsOf(peers[i]);
      const auto wants_j = layout.WantsOf(peers[j]);
      const bool linked = layout.Links(peers[i], peers[j]);
      EXPECT_EQ(layout.Links(peers[j], peers[i]), linked);
      EXPECT_EQ(wants_i.ok() && (*wants_i)(peers[j]), linked);
      EXPECT_EQ(wants_j.ok() && (*wants_j)(peers[i]), linked);
      if (linked)
        absl::StrAppend(&links, links.empty() ? "" : " ", std::string{"abcd"[i], "abcd"[j]});
    }
  }
  return links;
}

TEST(LayoutTest, AllToAll) { EXPECT_EQ(LinksOf(Layout::AllToAll()), "ab ac ad bc bd cd"); }

TEST(LayoutTest, Star) {
  EXPECT_EQ(LinksOf(*Layout::Star({kA})), "ab ac ad");
  EXPECT_EQ(LinksOf(*Layout::Star({kC, kA})), "ab ac ad bc cd");
  EXPECT_THAT(Layout::Star({}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 hubs")));
  EXPECT_THAT(Layout::Star({kA, kB, kA}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("00000000 is given twice")));
}

TEST(LayoutTest, Graph) {
  GROAT_ASSERT_OK_AND_ASSIGN(
      const Layout ring,
      Layout::Graph({{kA, {kB, kD}}, {kB, {kA, kC}}, {kC, {kB, kD}}, {kD, {kC, kA}}}));
  EXPECT_EQ(LinksOf(ring), "ab ad bc cd");
  EXPECT_FALSE(ring.Links(kA, Peer(9)));
  EXPECT_FALSE(ring.Links(Peer(9), kA));
  EXPECT_THAT(ring.WantsOf(Peer(9)), StatusIs(absl::StatusCode::kNotFound,
                                              HasSubstr("09 is not in the layout's graph of 4")));
}

TEST(LayoutTest, GraphErrorsNameThePeers) {
  const auto name_of = [](const PeerId& peer) { return std::string{"?abcd"[peer[31]]}; };
  const struct {
    std::map<PeerId, std::vector<PeerId>> graph;
    const char* want;
  } cases[] = {
      {{}, "a graph of 0 peers, want 2 or more"},
      {{{kA, {}}}, "a graph of 1 peers, want 2 or more"},
      {{{kA, {kB, kA}}, {kB, {kA}}}, "a links to itself"},
      {{{kA, {kB, kB}}, {kB, {kA}}}, "a links to b twice"},
      {{{kA, {kB}}, {kB, {kA, kC}}}, "b links to c, which has no links of its own"},
      {{{kA, {kB, kC}}, {kB, {kA, kC}}, {kC, {kB}}}, "a links to c, but c does not link to a"},
      {{{kA, {kB}}, {kB, {kA}}, {kC, {kD}}, {kD, {kC}}},
       "no path leads from a to c; 2 of 4 peers are joined"},
      {{{kA, {kB}}, {kB, {kA}}, {kC, {}}}, "no path leads from a to c; 2 of 3 peers are joined"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Layout::Graph(c.graph, name_of),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.want)));
  }
}

// A function of WantsOf may outlive its layout.
TEST(LayoutTest, WantsOutlivesTheLayout) {
  std::function<bool(const PeerId&)> wants;
  {
    const Layout layout = *Layout::Star({kA});
    wants = *layout.WantsOf(kB);
  }
  EXPECT_TRUE(wants(kA));
  EXPECT_FALSE(wants(kC));
}

// KEY1 to KEY4 stand for the keys of a to d.
std::string WithKeys(std::string text) {
  for (uint8_t i = 1; i <= 4; ++i) {
    text = absl::StrReplaceAll(text, {{absl::StrCat("KEY", i), Peer(i).Hex()}});
  }
  return text;
}

constexpr char kRing[] = R"(# A ring.
layout: graph
peers:
  a: KEY1
  b: KEY2
  c: KEY3
  d: KEY4
links:
  a: [b, d]
  b: [a, c]
  c: [b, d]
  d: [c, a]
)";

TEST(LayoutFileTest, ReadsEachKind) {
  EXPECT_EQ(LinksOf(*ParseLayout("layout: all_to_all", "x")), "ab ac ad bc bd cd");
  EXPECT_EQ(LinksOf(*ParseLayout(WithKeys("{layout: star, peers: {x: KEY2}, hubs: [x]}"), "x")),
            "ab bc bd");
  EXPECT_EQ(LinksOf(*ParseLayout(WithKeys(kRing), "x")), "ab ad bc cd");
  // Keys in capitals, quotes, aliases.
  EXPECT_EQ(
      LinksOf(*ParseLayout(WithKeys("layout: 'graph'\npeers: {a: KEY1, b: \"KEY2\", c: KEY3}\n"
                                    "links: {a: &hub [b], c: *hub, b: [a, c]}"),
                           "x")),
      "ab bc");
}

TEST(LayoutFileTest, ReadsFiles) {
  const std::string path = absl::StrCat(::testing::TempDir(), "groat_layout_", getpid(), ".yaml");
  GROAT_ASSERT_OK(WriteWholeFile(path, AsBytes(WithKeys(kRing)), 0600, IfExists::kReplace));
  EXPECT_EQ(LinksOf(*LoadLayout(path)), "ab ad bc cd");
  GROAT_ASSERT_OK(WriteWholeFile(path, AsBytes("layout: star"), 0600, IfExists::kReplace));
  EXPECT_THAT(LoadLayout(path), StatusIs(absl::StatusCode::kInvalidArgument,
                                         StartsWith(path + ":1: peers: missing")));
  unlink(path.c_str());
  EXPECT_THAT(LoadLayout(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
}

TEST(LayoutFileTest, ErrorsNameLineKeyAndValue) {
  const std::string ring = WithKeys(kRing);
  const auto ring_with = [&](const char* from, const char* to) {
    return absl::StrReplaceAll(ring, {{from, to}});
  };
  const std::string too_many_peers = [] {
    std::string text = "layout: star\npeers:\n";
    for (uint16_t i = 0; i <= 4096; ++i) {
      PeerId peer;
      StoreBigEndian(i, peer.data(), 2);
      absl::StrAppend(&text, "  p", i, ": ", peer.Hex(), "\n");
    }
    return text;
  }();
  const struct {
    std::string text;
    std::string want;
  } cases[] = {
      {"", "f: 0 documents, want one"},
      {"layout: star\n---\nlayout: star", "f: 2 documents, want one"},
      {"[layout]", "f:1: a list, want a map of keys"},
      {"layout", "f:1: `layout`, want a map of keys"},
      {"layout: [", "f:"},
      {"peers: {}", "f:1: layout: missing, want all_to_all, star or graph"},
      {"\nlayout: ring", "f:2: layout: `ring`, want all_to_all, star or graph"},
      {"layout: [star]", "f:1: layout: a list, want all_to_all, star or graph"},
      {"layout: star\nlayout: star", "f:2: `layout` is given twice"},
      {"layout: star\nhub: [a]",
       "f:2: `hub` is no key of a layout, want layout, peers, hubs or links"},
      {"layout: star\n[a]: b", "f:2: a list is no key of a layout"},
      {"layout: all_to_all\npeers: {}", "f:2: peers: belongs to a layout of star or graph"},
      {"layout: all_to_all\nhubs: []", "f:2: hubs: belongs to a layout of star"},
      {"layout: all_to_all\nlinks: {}", "f:2: links: belongs to a layout of graph"},
      {"layout: star", "f:1: peers: missing"},
      {"layout: star\npeers: [a]", "f:2: peers: a list, want a map"},
      {"layout: star\npeers: {}", "f:1: hubs: missing"},
      {"layout: star\npeers: {}\nhubs: a", "f:3: hubs: `a`, want a list of names"},
      {"layout: star\npeers: {}\nhubs: []", "f:3: hubs: a star of 0 hubs"},
      {"layout: star\npeers: {a: abcd}\nhubs: [a]",
       "f:2: peers.a: `abcd`, want a public key of 64 hexadecimal digits"},
      {"layout: star\npeers: {a: [x]}", "f:2: peers.a: a list, want a public key"},
      {"layout: star\npeers: {a: }", "f:2: peers.a: nothing, want a public key"},
      {"layout: star\npeers: {'': abcd}", "f:2: peers: `` as a name, want a text of 1 to 64"},
      {"layout: star\npeers: {[a]: abcd}", "f:2: peers: a list as a name"},
      {absl::StrCat("layout: star\npeers: {", std::string(65, 'n'), ": abcd}"), "as a name, want"},
      {WithKeys("layout: star\npeers: {a: KEY1}\nhubs: [a, a]"),
       "f:3: hubs: 2 names, want at most 1"},
      {WithKeys("layout: star\npeers: {a: KEY1, b: KEY2}\nhubs: [a, a]"),
       "f:3: hubs: hub a is given twice"},
      {WithKeys("layout: star\npeers: {a: KEY1}\nhubs:\n- b"),
       "f:4: hubs: `b`, want a name of `peers`"},
      {WithKeys("layout: star\npeers: {a: KEY1}\nhubs: [[a]]"), "f:3: hubs: a list, want a name"},
      {WithKeys("layout: star\npeers: {a: KEY1}\nhubs: [a]\nlinks: {}"),
       "f:4: links: belongs to a layout of graph"},
      {WithKeys("layout: star\npeers:\n  a: KEY1\n  a: KEY2"), "f:4: peers.a: given twice"},
      {WithKeys("layout: star\npeers:\n  a: KEY1\n  b: KEY1"), "f:4: peers.b: has the key of a"},
      {too_many_peers, "peers: 4097 peers, want at most 4096"},
      {WithKeys("layout: graph\npeers: {a: KEY1}"), "f:1: links: missing"},
      {WithKeys("layout: graph\npeers: {a: KEY1}\nhubs: [a]"),
       "f:3: hubs: belongs to a layout of star"},
      {WithKeys("layout: graph\npeers: {a: KEY1}\nlinks: [a]"), "f:3: links: a list, want a map"},
      {ring_with("a: [b, d]", "e: [b, d]"), "f:9: links: `e`, want a name of `peers`"},
      {ring_with("a: [b, d]", "a: [b, e]"), "f:9: links.a: `e`, want a name of `peers`"},
      {ring_with("a: [b, d]", "a: b"), "f:9: links.a: `b`, want a list of names"},
      {ring_with("a: [b, d]", "a: [b, d, b, d, b]"), "f:9: links.a: 5 names, want at most 4"},
      {ring_with("  a: [b, d]\n", ""), "f:9: links.a: missing, want its neighbours"},
      {ring_with("b: [a, c]", "a: [b, c]"), "f:10: links.a: given twice"},
      {ring_with("a: [b, d]", "a: [b, a]"), "links: a links to itself"},
      {ring_with("a: [b, d]", "a: [b, b]"), "links: a links to b twice"},
      {ring_with("a: [b, d]", "a: [b]"),
       "links: d links to a, but a does not link to d; want every link at both ends"},
      {absl::StrReplaceAll(ring, {{"a: [b, d]", "a: [b]"},
                                  {"b: [a, c]", "b: [a]"},
                                  {"c: [b, d]", "c: [d]"},
                                  {"d: [c, a]", "d: [c]"}}),
       "links: no path leads from a to c; 2 of 4 peers are joined"},
      {std::string(kMaxLayoutFileBytes + 1, ' '), "f: 1048577 bytes, want at most 1048576"},
      {std::string(100'000, '['), "f:"},
      {"layout: &x [*x]", "f:1: layout: a list"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ParseLayout(c.text, "f"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.want)))
        << c.text.substr(0, 200);
  }
}

}  // namespace
}  // namespace groat::p2p
