#include "p2p/protocol/layout_file.h"

#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "p2p/network.h"

namespace groat::p2p {
namespace {

// Reads one document; every error has the line of the node that it is about.
class LayoutReader {
 public:
  explicit LayoutReader(std::string_view source) : source_(source) {}

  absl::StatusOr<Layout> Read(const YAML::Node& root) {
    GROAT_RETURN_IF_ERROR(ReadKeys(root));
    GROAT_ASSIGN_OR_RETURN(const std::string kind, Kind(root));
    if (kind == "all_to_all") {
      GROAT_RETURN_IF_ERROR(Refuse(peers_, "peers", "star or graph"));
      GROAT_RETURN_IF_ERROR(Refuse(hubs_, "hubs", "star"));
      GROAT_RETURN_IF_ERROR(Refuse(links_, "links", "graph"));
      return Layout::AllToAll();
    }
    GROAT_RETURN_IF_ERROR(ReadPeers(root));
    return kind == "star" ? Star(root) : Graph(root);
  }

  absl::Status Error(const YAML::Mark& mark, absl::string_view text) const {
    const std::string line = mark.is_null() ? "" : absl::StrCat(":", mark.line + 1);
    return absl::InvalidArgumentError(
        absl::StrCat(absl::string_view(source_.data(), source_.size()), line, ": ", text));
  }

 private:
  absl::Status Error(const YAML::Node& node, absl::string_view text) const {
    return Error(node.Mark(), text);
  }

  static std::string Describe(const YAML::Node& node) {
    if (node.IsScalar()) return absl::StrCat("`", node.Scalar(), "`");
    if (node.IsSequence()) return "a list";
    return node.IsMap() ? "a map" : "nothing";
  }

  absl::Status ReadKeys(const YAML::Node& root) {
    if (!root.IsMap()) return Error(root, absl::StrCat(Describe(root), ", want a map of keys"));
    for (const auto& entry : root) {
      const std::string key = Describe(entry.first);
      std::optional<YAML::Node>* const place = key == "`layout`"  ? &kind_
                                               : key == "`peers`" ? &peers_
                                               : key == "`hubs`"  ? &hubs_
                                               : key == "`links`" ? &links_
                                                                  : nullptr;
      if (place == nullptr) {
        return Error(
            entry.first,
            absl::StrCat(key, " is no key of a layout, want layout, peers, hubs or links"));
      }
      if (place->has_value()) return Error(entry.first, absl::StrCat(key, " is given twice"));
      place->emplace(entry.second);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Kind(const YAML::Node& root) const {
    constexpr char kWant[] = "want all_to_all, star or graph";
    if (!kind_.has_value()) return Error(root, absl::StrCat("layout: missing, ", kWant));
    const std::string kind = kind_->IsScalar() ? kind_->Scalar() : "";
    if (kind != "all_to_all" && kind != "star" && kind != "graph") {
      return Error(*kind_, absl::StrCat("layout: ", Describe(*kind_), ", ", kWant));
    }
    return kind;
  }

  absl::Status Refuse(const std::optional<YAML::Node>& node, absl::string_view key,
                      absl::string_view kind) const {
    if (!node.has_value()) return absl::OkStatus();
    return Error(*node, absl::StrCat(key, ": belongs to a layout of ", kind, ", not to this one"));
  }

  absl::Status ReadPeers(const YAML::Node& root) {
    if (!peers_.has_value()) return Error(root, "peers: missing, want a map of names and keys");
    if (!peers_->IsMap()) {
      return Error(*peers_, absl::StrCat("peers: ", Describe(*peers_), ", want a map"));
    }
    if (peers_->size() > kMaxPeersInSet) {
      return Error(*peers_, absl::StrCat("peers: ", peers_->size(), " peers, want at most ",
                                         kMaxPeersInSet));
    }
    for (const auto& entry : *peers_) GROAT_RETURN_IF_ERROR(ReadPeer(entry.first, entry.second));
    return absl::OkStatus();
  }

  absl::Status ReadPeer(const YAML::Node& name, const YAML::Node& key) {
    if (!name.IsScalar() || name.Scalar().empty() || name.Scalar().size() > 64) {
      return Error(name, absl::StrCat("peers: ", Describe(name),
                                      " as a name, want a text of 1 to 64 characters"));
    }
    const absl::StatusOr<PeerId> peer = key.IsScalar()
                                            ? PeerId::FromHexText(key.Scalar(), "the key")
                                            : absl::InvalidArgumentError(Describe(key));
    if (!peer.ok()) {
      return Error(key, absl::StrCat("peers.", name.Scalar(), ": ", Describe(key),
                                     ", want a public key of 64 hexadecimal digits"));
    }
    if (!by_name_.emplace(name.Scalar(), *peer).second) {
      return Error(name, absl::StrCat("peers.", name.Scalar(), ": given twice"));
    }
    const auto [other, is_new] = by_peer_.emplace(*peer, name.Scalar());
    if (!is_new) {
      return Error(key, absl::StrCat("peers.", name.Scalar(), ": has the key of ", other->second));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<PeerId>> Names(const YAML::Node& list, absl::string_view key) const {
    if (!list.IsSequence()) {
      return Error(list, absl::StrCat(key, ": ", Describe(list), ", want a list of names"));
    }
    if (list.size() > by_name_.size()) {
      return Error(list, absl::StrCat(key, ": ", list.size(), " names, want at most ",
                                      by_name_.size(), ", the number of peers"));
    }
    std::vector<PeerId> peers;
    for (const YAML::Node& name : list) {
      const auto found = name.IsScalar() ? by_name_.find(name.Scalar()) : by_name_.end();
      if (found == by_name_.end()) {
        return Error(name, absl::StrCat(key, ": ", Describe(name), ", want a name of `peers`"));
      }
      peers.push_back(found->second);
    }
    return peers;
  }

  absl::StatusOr<Layout> Star(const YAML::Node& root) const {
    GROAT_RETURN_IF_ERROR(Refuse(links_, "links", "graph"));
    if (!hubs_.has_value()) return Error(root, "hubs: missing, want a list of names");
    GROAT_ASSIGN_OR_RETURN(const std::vector<PeerId> hubs, Names(*hubs_, "hubs"));
    absl::StatusOr<Layout> layout = Layout::Star(hubs, NameOf());
    if (!layout.ok()) return Error(*hubs_, absl::StrCat("hubs: ", layout.status().message()));
    return layout;
  }

  absl::StatusOr<Layout> Graph(const YAML::Node& root) const {
    GROAT_RETURN_IF_ERROR(Refuse(hubs_, "hubs", "star"));
    if (!links_.has_value()) return Error(root, "links: missing, want a map of neighbours");
    if (!links_->IsMap()) {
      return Error(*links_, absl::StrCat("links: ", Describe(*links_), ", want a map"));
    }
    std::map<PeerId, std::vector<PeerId>> neighbours;
    for (const auto& entry : *links_) {
      const auto found =
          entry.first.IsScalar() ? by_name_.find(entry.first.Scalar()) : by_name_.end();
      if (found == by_name_.end()) {
        return Error(entry.first,
                     absl::StrCat("links: ", Describe(entry.first), ", want a name of `peers`"));
      }
      const std::string key = absl::StrCat("links.", found->first);
      GROAT_ASSIGN_OR_RETURN(std::vector<PeerId> peers, Names(entry.second, key));
      if (!neighbours.emplace(found->second, std::move(peers)).second) {
        return Error(entry.first, absl::StrCat(key, ": given twice"));
      }
    }
    for (const auto& [name, peer] : by_name_) {
      if (!neighbours.contains(peer)) {
        return Error(*links_, absl::StrCat("links.", name, ": missing, want its neighbours"));
      }
    }
    absl::StatusOr<Layout> layout = Layout::Graph(neighbours, NameOf());
    if (!layout.ok()) return Error(*links_, absl::StrCat("links: ", layout.status().message()));
    return layout;
  }

  Layout::NameOf NameOf() const {
    return [this](const PeerId& peer) { return by_peer_.at(peer); };
  }

  const std::string_view source_;
  std::optional<YAML::Node> kind_;
  std::optional<YAML::Node> peers_;
  std::optional<YAML::Node> hubs_;
  std::optional<YAML::Node> links_;
  std::map<std::string, PeerId> by_name_;
  std::map<PeerId, std::string> by_peer_;
};

}  // namespace

absl::StatusOr<Layout> ParseLayout(const std::string& text, std::string_view source) {
  LayoutReader reader(source);
  if (text.size() > kMaxLayoutFileBytes) {
    return reader.Error(YAML::Mark::null_mark(),
                        absl::StrCat(text.size(), " bytes, want at most ", kMaxLayoutFileBytes));
  }
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() != 1) {
      return reader.Error(YAML::Mark::null_mark(),
                          absl::StrCat(documents.size(), " documents, want one"));
    }
    return reader.Read(documents[0]);
  } catch (const YAML::Exception& error) {
    return reader.Error(error.mark, error.msg);
  }
}

absl::StatusOr<Layout> LoadLayout(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path, kMaxLayoutFileBytes));
  return ParseLayout(file.content, path);
}

}  // namespace groat::p2p
