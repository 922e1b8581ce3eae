// Configuration of a service: one struct, four sources, each stronger than the one before:
// the struct's initialisers, the YAML file of --config, GROAT_* environment variables, flags.
//
//   struct RelayConfig {
//     std::string listen = "127.0.0.1:7101";
//     std::chrono::milliseconds cycle_time{500};
//     std::vector<Peer> relays;
//     absl::Status Validate() const;
//   };
//   RelayConfig config;
//   ConfigLoader loader("groat-relay", "Collects updates into cycles.");
//   loader.Text("listen", &config.listen, "Address of the gRPC server.");
//   loader.Duration("cycle_time", &config.cycle_time, 10ms, 1h, "How long a cycle stays open.");
//   loader.Text("tls.ca_file", &config.tls.ca_file, "Authority that signs peers.");
//   loader.List<Peer>("relays", &config.relays, "All relays.", [](ConfigFields& item, Peer& peer) {
//     item.Integer("id", &peer.id, 1, 1000, "Number of the relay.", Presence::kRequired);
//     item.Text("endpoint", &peer.endpoint, "host:port", Presence::kRequired);
//   });
//   loader.Validate([&] { return config.Validate(); });
//   if (const auto exit_status = loader.LoadInMain(argc, argv)) return *exit_status;
//
// The key `tls.ca_file` is `tls: {ca_file: x}` in YAML, `GROAT_TLS_CA_FILE` in the environment and
// `--tls.ca_file x` or `--tls.ca_file=x` as a flag; `--insecure` alone means true. Lists are YAML
// flow text in the latter two: `--relays '[{id: 1, endpoint: a:1}]'`; a list of texts may also be
// `a,b`. Durations need a unit (ms, s, m, h), sizes too (B, KiB, MiB, GiB).
// Every error names key, value, what was wanted, and the source (file and line, variable, flag).
// An unknown key in the file or among the flags is an error that names the nearest known one.
// Unknown variables are not: Kubernetes sets GROAT_RELAY_SERVICE_HOST and the like by itself.
// Not thread-safe; used once, in main.
#ifndef GROAT_CONFIG_CONFIG_H_
#define GROAT_CONFIG_CONFIG_H_

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "base/check.h"
#include "config/exit_status.h"

namespace YAML {
class Node;
}  // namespace YAML

namespace groat::config {

// A required key must come from one of the sources; an optional one keeps the struct's initialiser.
enum class Presence { kOptional, kRequired };

// What is wrong with a value.
struct ConfigError {
  int line;  // In the file, from 1; 0 if the value is not from one.
  std::string text;
};
using ConfigErrors = std::vector<ConfigError>;

// One key, as registered.
struct ConfigField {
  std::string key;
  std::string kind;  // "duration from 10ms to 1h"
  std::string help;
  std::string default_text;  // YAML flow text.
  Presence presence;
  bool is_flag = false;  // --key alone means true.
  bool is_list = false;
  std::vector<ConfigField> item_fields = {};  // Of a list of maps.
  std::function<void(const YAML::Node& value, ConfigErrors& errors)> set = {};
  std::function<YAML::Node()> get = {};
};

// The keys of a struct. Targets must outlive the object; what they hold at registration is the
// default. Bounds are included. Keys are lower-case letters, digits and `_`, joined by `.`; one
// that is registered twice stops the process.
class ConfigFields {
 public:
  void Text(std::string_view key, std::string* target, std::string_view help,
            Presence presence = Presence::kOptional);
  void TextList(std::string_view key, std::vector<std::string>* target, std::string_view help,
                Presence presence = Presence::kOptional);
  // One of the given words.
  void Choice(std::string_view key, std::string* target, std::vector<std::string> choices,
              std::string_view help, Presence presence = Presence::kOptional);
  void Flag(std::string_view key, bool* target, std::string_view help);
  void Number(std::string_view key, double* target, double min, double max, std::string_view help,
              Presence presence = Presence::kOptional);
  void Duration(std::string_view key, std::chrono::milliseconds* target,
                std::chrono::milliseconds min, std::chrono::milliseconds max, std::string_view help,
                Presence presence = Presence::kOptional);
  // In bytes.
  template <std::unsigned_integral T>
  void Size(std::string_view key, T* target, uint64_t min, uint64_t max, std::string_view help,
            Presence presence = Presence::kOptional) {
    AddSize(key, Unsigned::Of(target, max), min, max, help, presence);
  }
  // The unit, if there is one, belongs into the key: `period_cycles`.
  template <std::unsigned_integral T>
  void Integer(std::string_view key, T* target, uint64_t min, uint64_t max, std::string_view help,
               Presence presence = Presence::kOptional) {
    AddInteger(key, Unsigned::Of(target, max), min, max, help, presence);
  }
  // A list of maps; `describe(fields, item)` registers the keys of one, as for a whole struct.
  template <typename Item>
  void List(std::string_view key, std::vector<Item>* target, std::string_view help,
            std::type_identity_t<std::function<void(ConfigFields&, Item&)>> describe,
            Presence presence = Presence::kOptional) {
    ConfigFields blank_fields;
    Item blank{};
    describe(blank_fields, blank);
    AddList(key,
            {.item_fields = blank_fields.fields_,
             .resize = [target](size_t size) { target->assign(size, Item{}); },
             .size = [target] { return target->size(); },
             .describe = [target, describe](ConfigFields& fields,
                                            size_t index) { describe(fields, (*target)[index]); }},
            help, presence);
  }

  const std::vector<ConfigField>& fields() const { return fields_; }

 private:
  struct Unsigned {
    template <typename T>
    static Unsigned Of(T* target, uint64_t max) {
      GROAT_CHECK_LE(max, uint64_t{std::numeric_limits<T>::max()});
      return {[target](uint64_t value) { *target = static_cast<T>(value); },
              [target] { return uint64_t{*target}; }};
    }
    std::function<void(uint64_t)> set;
    std::function<uint64_t()> get;
  };
  struct ListTarget {
    std::vector<ConfigField> item_fields;
    std::function<void(size_t)> resize;
    std::function<size_t()> size;
    std::function<void(ConfigFields&, size_t)> describe;
  };

  void AddSize(std::string_view key, Unsigned target, uint64_t min, uint64_t max,
               std::string_view help, Presence presence);
  void AddInteger(std::string_view key, Unsigned target, uint64_t min, uint64_t max,
                  std::string_view help, Presence presence);
  void AddList(std::string_view key, ListTarget target, std::string_view help, Presence presence);
  // `set` gives what was wanted instead, or nothing if it took the text.
  void AddScalar(ConfigField field, std::function<std::string(const std::string&)> set,
                 std::function<std::string()> get);
  void Add(ConfigField field);

  std::vector<ConfigField> fields_;
};

class ConfigLoader : public ConfigFields {
 public:
  ConfigLoader(std::string program, std::string summary);

  // Checks the whole after loading.
  void Validate(std::function<absl::Status()> validate) { validate_ = std::move(validate); }

  struct Outcome {
    // Set if the process is to end now: after --help, --print-config, --check-config, or an error.
    std::optional<int> exit_status;
    std::string output;  // For standard output, or standard error if exit_status is not 0.
  };
  // `arguments` without the program's name; `environment` as NAME=value.
  Outcome Load(const std::vector<std::string>& arguments,
               const std::vector<std::string>& environment);
  // As above with the process's own, and prints. What it returns is main's result.
  std::optional<int> LoadInMain(int argc, const char* const* argv);

  // --help: each key with kind, range, default and meaning.
  std::string Help() const;
  // --print-config: the values in force as YAML, which --config reads back.
  std::string Print() const;

 private:
  // Where a value comes from, as errors name it.
  struct Source {
    std::string name;  // "relay.yaml", "GROAT_LISTEN", "--listen"
    int exit_status;
  };
  struct Flags;
  void ReadFile(const std::string& path);
  void ReadText(const ConfigField& field, const std::string& text, const Source& source);
  void Report(const Source& source, const ConfigErrors& errors);
  Flags ParseFlags(const std::vector<std::string>& arguments);
  void ReadSources(const Flags& flags, const std::vector<std::string>& environment);

  const std::string program_;
  const std::string summary_;
  std::function<absl::Status()> validate_;
  std::set<std::string> given_;  // Keys that some source gave.
  std::string errors_;           // One line each.
  int exit_status_ = kExitOk;
};

}  // namespace groat::config

#endif  // GROAT_CONFIG_CONFIG_H_
