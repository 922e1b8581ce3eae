#include "config/config_nodes.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "config/config_values.h"

namespace groat::config {
namespace {

const ConfigField* Find(const std::vector<ConfigField>& fields, const std::string& key) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const ConfigField& field) { return field.key == key; });
  return found == fields.end() ? nullptr : &*found;
}

bool IsPrefix(const std::vector<ConfigField>& fields, const std::string& prefix) {
  return std::any_of(fields.begin(), fields.end(), [&](const ConfigField& field) {
    return absl::StartsWith(field.key, prefix + ".");
  });
}

// Walks a nested map down to the registered keys.
class MapWalk {
 public:
  MapWalk(const std::vector<ConfigField>& fields, ConfigErrors& errors)
      : fields_(fields), errors_(errors) {}

  void Visit(const YAML::Node& map, const std::string& prefix) {
    std::set<std::string> here;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) {
        errors_.push_back(
            {LineOf(entry.first), absl::StrCat(Describe(entry.first), " as a key, want a text")});
        continue;
      }
      const std::string key = prefix + entry.first.Scalar();
      const ConfigField* field = Find(fields_, key);
      const bool is_new =
          here.insert(key).second && (field == nullptr || given_.insert(key).second);
      if (!is_new) {
        errors_.push_back({LineOf(entry.first), absl::StrCat(key, ": given twice")});
      } else if (field != nullptr) {
        field->set(entry.second, errors_);
      } else if (IsPrefix(fields_, key) && entry.second.IsMap()) {
        Visit(entry.second, key + ".");
      } else if (IsPrefix(fields_, key) && !entry.second.IsNull()) {
        errors_.push_back({LineOf(entry.second),
                           absl::StrCat(key, ": ", Describe(entry.second), ", want a map")});
      } else if (!IsPrefix(fields_, key)) {
        errors_.push_back({LineOf(entry.first), absl::StrCat(key, ": ", UnknownKey(key, fields_))});
      }
    }
  }

  std::set<std::string> Take() { return std::move(given_); }

 private:
  const std::vector<ConfigField>& fields_;
  ConfigErrors& errors_;
  std::set<std::string> given_;
};

}  // namespace

std::string EnvironmentName(std::string_view key) {
  std::string name = absl::StrCat("GROAT_", absl::AsciiStrToUpper(std::string(key)));
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

int LineOf(const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() ? 0 : mark.line + 1;
}

std::string Describe(const YAML::Node& node) {
  if (node.IsScalar()) return absl::StrCat("`", node.Scalar(), "`");
  if (node.IsSequence()) return "a list";
  return node.IsMap() ? "a map" : "nothing";
}

std::string FlowText(const YAML::Node& node) {
  YAML::Emitter emitter;
  emitter.SetSeqFormat(YAML::Flow);
  emitter.SetMapFormat(YAML::Flow);
  emitter << node;
  return emitter.c_str();
}

std::set<std::string> SetFields(const std::vector<ConfigField>& fields, const YAML::Node& map,
                                ConfigErrors& errors) {
  MapWalk walk(fields, errors);
  walk.Visit(map, "");
  return walk.Take();
}

void SetItem(const std::vector<ConfigField>& fields, const YAML::Node& map, const std::string& name,
             ConfigErrors& errors) {
  if (!map.IsMap()) {
    errors.push_back({LineOf(map), absl::StrCat(name, ": ", Describe(map), ", want a map")});
    return;
  }
  ConfigErrors item_errors;
  const std::set<std::string> given = SetFields(fields, map, item_errors);
  for (const ConfigField& field : fields) {
    if (field.presence == Presence::kRequired && !given.contains(field.key)) {
      item_errors.push_back({LineOf(map), absl::StrCat(field.key, ": missing, want ", field.kind)});
    }
  }
  for (ConfigError& error : item_errors) {
    errors.push_back({error.line, absl::StrCat(name, ".", error.text)});
  }
}

YAML::Node ToNode(const std::vector<ConfigField>& fields) {
  YAML::Node root(YAML::NodeType::Map);
  for (const ConfigField& field : fields) {
    YAML::Node at = root;
    const std::vector<std::string> parts = absl::StrSplit(field.key, '.');
    for (size_t i = 0; i + 1 < parts.size(); ++i) at.reset(at[parts[i]]);
    at[parts.back()] = field.get();
  }
  return root;
}

std::string UnknownKey(std::string_view key, const std::vector<ConfigField>& fields) {
  std::vector<std::string> known;
  for (const ConfigField& field : fields) known.push_back(field.key);
  return absl::StrCat("unknown key, the nearest is `", NearestKey(key, known), "`");
}

}  // namespace groat::config
