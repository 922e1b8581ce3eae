// Between registered keys and YAML nodes. Internal to libs/config.
#ifndef GROAT_CONFIG_CONFIG_NODES_H_
#define GROAT_CONFIG_CONFIG_NODES_H_

#include <yaml-cpp/yaml.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace groat::config {

// `tls.ca_file` -> `GROAT_TLS_CA_FILE`
std::string EnvironmentName(std::string_view key);

// From 1; 0 if the node was not read from a file.
int LineOf(const YAML::Node& node);
// "nothing", "a list", "a map", or the scalar in back quotes.
std::string Describe(const YAML::Node& node);
// On one line.
std::string FlowText(const YAML::Node& node);

// Sets the fields from a map whose keys may be nested or dotted. Gives the keys that were there.
// An unknown key, and one that is given twice, is an error.
std::set<std::string> SetFields(const std::vector<ConfigField>& fields, const YAML::Node& map,
                                ConfigErrors& errors);
// As above for one item of a list; a missing required key is an error too. Errors begin with
// `name`: "relays[2].id: ..."
void SetItem(const std::vector<ConfigField>& fields, const YAML::Node& map, const std::string& name,
             ConfigErrors& errors);

// The values in force as nested maps.
YAML::Node ToNode(const std::vector<ConfigField>& fields);

// "unknown; the nearest key is `cycle_time`"
std::string UnknownKey(std::string_view key, const std::vector<ConfigField>& fields);

}  // namespace groat::config

#endif  // GROAT_CONFIG_CONFIG_NODES_H_
