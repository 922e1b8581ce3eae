#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "config/config.h"
#include "config/config_nodes.h"
#include "config/config_values.h"

namespace groat::config {
namespace {

bool IsKey(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

std::string RangeText(uint64_t min, uint64_t max, std::string (*format)(uint64_t)) {
  if (max == std::numeric_limits<uint64_t>::max()) return absl::StrCat("of at least ", format(min));
  return absl::StrCat("from ", format(min), " to ", format(max));
}

ConfigField Field(std::string_view key, std::string kind, std::string_view help,
                  Presence presence) {
  return {.key = std::string(key),
          .kind = std::move(kind),
          .help = std::string(help),
          .default_text = "",
          .presence = presence};
}

}  // namespace

void ConfigFields::Add(ConfigField field) {
  GROAT_CHECK(IsKey(field.key)) << field.key;
  for (const ConfigField& other : fields_) {
    // Keys that differ in `.` and `_` only would be one environment variable.
    GROAT_CHECK(EnvironmentName(other.key) != EnvironmentName(field.key)) << field.key;
    GROAT_CHECK(!absl::StartsWith(field.key, other.key + ".") &&
                !absl::StartsWith(other.key, field.key + "."))
        << field.key << " and " << other.key;
  }
  field.default_text = FlowText(field.get());
  fields_.push_back(std::move(field));
}

void ConfigFields::AddScalar(ConfigField field, std::function<std::string(const std::string&)> set,
                             std::function<std::string()> get) {
  field.set = [key = field.key, set = std::move(set)](const YAML::Node& value,
                                                      ConfigErrors& errors) {
    const std::string wanted = value.IsScalar() ? set(value.Scalar()) : set("");
    if (!value.IsScalar()) {
      errors.push_back({LineOf(value), absl::StrCat(key, ": ", Describe(value), ", want ",
                                                    wanted.empty() ? "a text" : wanted)});
    } else if (!wanted.empty()) {
      errors.push_back(
          {LineOf(value), absl::StrCat(key, ": `", value.Scalar(), "`, want ", wanted)});
    }
  };
  field.get = [get = std::move(get)] { return YAML::Node(get()); };
  Add(std::move(field));
}

void ConfigFields::Text(std::string_view key, std::string* target, std::string_view help,
                        Presence presence) {
  AddScalar(
      Field(key, "text", help, presence),
      [target](const std::string& text) {
        *target = text;
        return "";
      },
      [target] { return *target; });
}

void ConfigFields::Choice(std::string_view key, std::string* target,
                          std::vector<std::string> choices, std::string_view help,
                          Presence presence) {
  const std::string wanted = "one of " + absl::StrJoin(choices, ", ");
  AddScalar(
      Field(key, wanted, help, presence),
      [target, choices = std::move(choices), wanted](const std::string& text) -> std::string {
        if (std::find(choices.begin(), choices.end(), text) == choices.end()) return wanted;
        *target = text;
        return "";
      },
      [target] { return *target; });
}

void ConfigFields::Flag(std::string_view key, bool* target, std::string_view help) {
  ConfigField field = Field(key, "true or false", help, Presence::kOptional);
  field.is_flag = true;
  AddScalar(
      std::move(field),
      [target](const std::string& text) {
        if (text != "true" && text != "false") return "true or false";
        *target = text == "true";
        return "";
      },
      [target] { return *target ? "true" : "false"; });
}

void ConfigFields::Number(std::string_view key, double* target, double min, double max,
                          std::string_view help, Presence presence) {
  const std::string wanted = absl::StrCat("a number from ", min, " to ", max);
  AddScalar(
      Field(key, wanted, help, presence),
      [=](const std::string& text) -> std::string {
        double value = 0;
        // Written so that a NaN fails.
        if (!absl::SimpleAtod(text, &value) || !(value >= min && value <= max)) return wanted;
        *target = value;
        return "";
      },
      [target] {
        char digits[32];
        return std::string(digits, std::to_chars(digits, digits + sizeof digits, *target).ptr);
      });
}

void ConfigFields::Duration(std::string_view key, std::chrono::milliseconds* target,
                            std::chrono::milliseconds min, std::chrono::milliseconds max,
                            std::string_view help, Presence presence) {
  const std::string range = absl::StrCat("from ", FormatDuration(min), " to ", FormatDuration(max));
  AddScalar(
      Field(key, "duration " + range, help, presence),
      [=](const std::string& text) -> std::string {
        const std::optional<std::chrono::milliseconds> value = ParseDuration(text);
        if (!value.has_value() || *value < min || *value > max) {
          return absl::StrCat("a duration with its unit (ms, s, m, h) ", range);
        }
        *target = *value;
        return "";
      },
      [target] { return FormatDuration(*target); });
}

void ConfigFields::AddSize(std::string_view key, Unsigned target, uint64_t min, uint64_t max,
                           std::string_view help, Presence presence) {
  const std::string range = RangeText(min, max, FormatSizeBytes);
  AddScalar(
      Field(key, "size " + range, help, presence),
      [=, set = target.set](const std::string& text) -> std::string {
        const std::optional<uint64_t> value = ParseSizeBytes(text);
        if (!value.has_value() || *value < min || *value > max) {
          return absl::StrCat("a size with its unit (B, KiB, MiB, GiB) ", range);
        }
        set(*value);
        return "";
      },
      [get = target.get] { return FormatSizeBytes(get()); });
}

void ConfigFields::AddInteger(std::string_view key, Unsigned target, uint64_t min, uint64_t max,
                              std::string_view help, Presence presence) {
  const std::string wanted =
      "a whole number " + RangeText(min, max, [](uint64_t value) { return std::to_string(value); });
  AddScalar(
      Field(key, wanted, help, presence),
      [=, set = target.set](const std::string& text) -> std::string {
        const std::optional<uint64_t> value = ParseUnsigned(text);
        if (!value.has_value() || *value < min || *value > max) return wanted;
        set(*value);
        return "";
      },
      [get = target.get] { return std::to_string(get()); });
}

void ConfigFields::TextList(std::string_view key, std::vector<std::string>* target,
                            std::string_view help, Presence presence) {
  ConfigField field = Field(key, "list of texts", help, presence);
  field.is_list = true;
  field.set = [key = field.key, target](const YAML::Node& value, ConfigErrors& errors) {
    // A single text is the comma-separated form of flags and variables.
    if (value.IsScalar()) {
      *target = absl::StrSplit(value.Scalar(), ',');
      if (value.Scalar().empty()) target->clear();
      return;
    }
    if (!value.IsSequence()) {
      errors.push_back(
          {LineOf(value), absl::StrCat(key, ": ", Describe(value), ", want a list of texts")});
      return;
    }
    target->clear();
    for (size_t i = 0; i < value.size(); ++i) {
      if (value[i].IsScalar()) {
        target->push_back(value[i].Scalar());
      } else {
        errors.push_back({LineOf(value[i]),
                          absl::StrCat(key, "[", i, "]: ", Describe(value[i]), ", want a text")});
      }
    }
  };
  field.get = [target] {
    YAML::Node list(YAML::NodeType::Sequence);
    for (const std::string& text : *target) list.push_back(text);
    return list;
  };
  Add(std::move(field));
}

void ConfigFields::AddList(std::string_view key, ListTarget target, std::string_view help,
                           Presence presence) {
  ConfigField field = Field(key, "list of maps", help, presence);
  field.is_list = true;
  field.item_fields = target.item_fields;
  field.set = [key = field.key, target](const YAML::Node& value, ConfigErrors& errors) {
    if (!value.IsSequence()) {
      errors.push_back(
          {LineOf(value), absl::StrCat(key, ": ", Describe(value), ", want a list of maps")});
      return;
    }
    target.resize(value.size());
    for (size_t i = 0; i < value.size(); ++i) {
      ConfigFields item;
      target.describe(item, i);
      SetItem(item.fields(), value[i], absl::StrCat(key, "[", i, "]"), errors);
    }
  };
  field.get = [target] {
    YAML::Node list(YAML::NodeType::Sequence);
    for (size_t i = 0; i < target.size(); ++i) {
      ConfigFields item;
      target.describe(item, i);
      list.push_back(ToNode(item.fields()));
    }
    return list;
  };
  Add(std::move(field));
}

}  // namespace groat::config
