#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/whole_file.h"
#include "config/config.h"
#include "config/config_nodes.h"
#include "config/config_values.h"

namespace groat::config {
namespace {

constexpr size_t kMaxFileBytes = size_t{4} << 20;
constexpr char kConfigVariable[] = "GROAT_CONFIG";

const ConfigField* FindField(const std::vector<ConfigField>& fields, const std::string& key) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const ConfigField& field) { return field.key == key; });
  return found == fields.end() ? nullptr : &*found;
}

std::map<std::string, std::string> ToMap(const std::vector<std::string>& environment) {
  std::map<std::string, std::string> variables;
  for (const std::string& entry : environment) {
    const size_t equals = entry.find('=');
    if (equals != std::string::npos) {
      variables.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
  }
  return variables;
}

void AppendHelp(const ConfigField& field, absl::string_view indent, absl::string_view prefix,
                std::string& out) {
  absl::StrAppend(&out, indent, prefix, field.key, "  <", field.kind, ">\n", indent, "    ",
                  field.help);
  if (field.presence == Presence::kRequired) {
    absl::StrAppend(&out, " Required.\n");
  } else {
    absl::StrAppend(&out, " Default: ", field.default_text, "\n");
  }
  for (const ConfigField& item : field.item_fields) {
    AppendHelp(item, absl::StrCat(indent, "    "), "", out);
  }
}

}  // namespace

struct ConfigLoader::Flags {
  bool help = false;
  bool print = false;
  bool check = false;
  std::optional<std::string> config_path;
  std::vector<std::pair<const ConfigField*, std::string>> values;
};

ConfigLoader::ConfigLoader(std::string program, std::string summary)
    : program_(std::move(program)), summary_(std::move(summary)) {}

void ConfigLoader::Report(const Source& source, const ConfigErrors& errors) {
  for (const ConfigError& error : errors) {
    absl::StrAppend(&errors_, program_, ": ", source.name,
                    error.line > 0 ? absl::StrCat(":", error.line) : "", ": ", error.text, "\n");
    // The first error decides: the sources are read in the order of their strength.
    if (exit_status_ == kExitOk) exit_status_ = source.exit_status;
  }
}

void ConfigLoader::ReadFile(const std::string& path) {
  const Source source{path, kExitConfig};
  const absl::StatusOr<WholeFile> file = ReadWholeFile(path, kMaxFileBytes);
  if (!file.ok()) return Report(source, {{0, std::string(file.status().message())}});
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(file->content);
    if (documents.size() > 1) {
      return Report(source, {{0, absl::StrCat(documents.size(), " documents, want one")}});
    }
    if (documents.empty() || documents[0].IsNull()) return;
    if (!documents[0].IsMap()) {
      return Report(source, {{LineOf(documents[0]),
                              absl::StrCat(Describe(documents[0]), ", want a map of keys")}});
    }
    ConfigErrors errors;
    given_.merge(SetFields(fields(), documents[0], errors));
    Report(source, errors);
  } catch (const YAML::Exception& error) {
    Report(source, {{error.mark.is_null() ? 0 : error.mark.line + 1, error.msg}});
  }
}

void ConfigLoader::ReadText(const ConfigField& field, const std::string& text,
                            const Source& source) {
  given_.insert(field.key);
  ConfigErrors errors;
  try {
    const bool flow = field.is_list && (absl::StartsWith(text, "[") || !field.item_fields.empty());
    field.set(flow ? YAML::Load(text) : YAML::Node(text), errors);
  } catch (const YAML::Exception& error) {
    errors.push_back({0, absl::StrCat(field.key, ": `", text, "`: ", error.msg, ", want a ",
                                      field.kind, " in YAML flow form")});
  }
  for (ConfigError& error : errors) error.line = 0;  // A line of the text, not of a file.
  Report(source, errors);
}

ConfigLoader::Flags ConfigLoader::ParseFlags(const std::vector<std::string>& arguments) {
  Flags flags;
  std::set<std::string> seen;
  const auto bad = [&](const std::string& argument, const std::string& text) {
    Report({argument, kExitUsage}, {{0, text}});
  };
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-h") {
      flags.help = true;
      continue;
    }
    if (!absl::StartsWith(argument, "--") || argument.size() == 2) {
      bad(argument, "unexpected argument, want --key value, --key=value, or --flag=false");
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string key = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = argument.substr(equals + 1);
    bool* const option = key == "help"           ? &flags.help
                         : key == "print-config" ? &flags.print
                         : key == "check-config" ? &flags.check
                                                 : nullptr;
    const ConfigField* field = FindField(fields(), key);
    if (option != nullptr) {
      *option = true;
      if (value.has_value()) bad("--" + key, "takes no value");
      continue;
    }
    const bool known = field != nullptr || key == "config";
    if (!known) {
      bad("--" + key, UnknownKey(key, fields()));
      // Its value, if it has one, is not reported as well.
      if (!value.has_value() && i + 1 < arguments.size() &&
          !absl::StartsWith(arguments[i + 1], "-")) {
        ++i;
      }
      continue;
    }
    if (!seen.insert(key).second) bad("--" + key, "given twice");
    if (!value.has_value() && field != nullptr && field->is_flag) value = "true";
    if (!value.has_value() && i + 1 < arguments.size()) value = arguments[++i];
    if (!value.has_value()) {
      bad("--" + key, absl::StrCat("no value, want ", field == nullptr ? "a path" : field->kind));
    } else if (field == nullptr) {
      flags.config_path = *value;
    } else {
      flags.values.emplace_back(field, *value);
    }
  }
  return flags;
}

void ConfigLoader::ReadSources(const Flags& flags, const std::vector<std::string>& environment) {
  const std::map<std::string, std::string> variables = ToMap(environment);
  std::optional<std::string> path = flags.config_path;
  const auto path_variable = variables.find(kConfigVariable);
  if (!path.has_value() && path_variable != variables.end()) path = path_variable->second;
  if (path.has_value()) ReadFile(*path);
  for (const ConfigField& field : fields()) {
    const auto variable = variables.find(EnvironmentName(field.key));
    if (variable != variables.end()) {
      ReadText(field, variable->second, {variable->first, kExitConfig});
    }
  }
  for (const auto& [field, text] : flags.values) {
    ReadText(*field, text, {"--" + field->key, kExitUsage});
  }
  for (const ConfigField& field : fields()) {
    if (field.presence == Presence::kRequired && !given_.contains(field.key)) {
      Report({"configuration", kExitConfig},
             {{0, absl::StrCat(field.key, ": missing, want ", field.kind, "; give it in the file, ",
                               "as --", field.key, " or as ", EnvironmentName(field.key))}});
    }
  }
  if (errors_.empty() && validate_) {
    const absl::Status status = validate_();
    if (!status.ok()) {
      Report({"configuration", kExitConfig}, {{0, std::string(status.message())}});
    }
  }
}

ConfigLoader::Outcome ConfigLoader::Load(const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& environment) {
  const Flags flags = ParseFlags(arguments);
  if (flags.help) return {kExitOk, Help()};
  if (errors_.empty()) ReadSources(flags, environment);
  if (!errors_.empty()) {
    absl::StrAppend(&errors_, "See ", program_, " --help for every key.\n");
    return {exit_status_, errors_};
  }
  if (flags.print) return {kExitOk, Print()};
  if (flags.check) return {kExitOk, "The configuration is valid.\n"};
  return {std::nullopt, ""};
}

std::optional<int> ConfigLoader::LoadInMain(int argc, const char* const* argv) {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
  }
  const Outcome outcome =
      Load(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), variables);
  std::FILE* const stream = outcome.exit_status.value_or(kExitOk) == kExitOk ? stdout : stderr;
  std::fwrite(outcome.output.data(), 1, outcome.output.size(), stream);
  std::fflush(stream);
  return outcome.exit_status;
}

std::string ConfigLoader::Help() const {
  std::string out = absl::StrCat(
      program_, ": ", summary_, "\n\nUsage: ", program_, " [--config FILE] [--KEY VALUE]...\n\n",
      "  --config FILE    YAML file with the keys below; also ", kConfigVariable, "\n",
      "  --check-config   check the configuration and end\n",
      "  --print-config   print the values in force as YAML and end\n",
      "  --help           print this and end\n\n",
      "Every key may stand in the file (`a.b` as `a: {b: ...}`), be a variable (`a.b` as "
      "GROAT_A_B)\n",
      "or a flag; a later one of these wins. Lists are YAML flow text in the latter two.\n\n");
  for (const ConfigField& field : fields()) AppendHelp(field, "  ", "--", out);
  return out;
}

std::string ConfigLoader::Print() const { return YAML::Dump(ToNode(fields())) + "\n"; }

}  // namespace groat::config
