// `groat keys validator` and `groat keys genesis`: a chain of independent operators.
#include <ctime>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tools/groat/commands/consensus_flags.h"
#include "tools/groat/commands/genesis_text.h"
#include "tools/groat/commands/keys_command.h"
#include "tools/groat/keys/genesis_file.h"
#include "tools/groat/keys/validator_file.h"
#include "tools/groat/terminal/table.h"

namespace groat::commands {
namespace {

struct ValidatorOptions {
  std::string name;
  std::string folder;
};

ExitCode MakeValidator(const Shell& shell, const ValidatorOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) {
    return shell.Fail(absl::UnavailableError(absl::StrCat(options.folder, ": ", error.message())));
  }
  const keys::NetworkFolder folder(options.folder);
  const auto made = keys::CreateValidator(folder, options.name);
  if (absl::IsInvalidArgument(made.status())) return shell.Fail(made.status(), ExitCode::kUsage);
  if (!made.ok()) return shell.Fail(made.status());
  const std::string votes = keys::VotesName(options.name);
  const std::string shared = folder.ValidatorFile(options.name).string();
  const Json value = {{"name", made->name},
                      {"public_key", made->keys.key.Hex()},
                      {"bls_public_key", made->keys.bls->key.Encode().Hex()},
                      {"signing_key_file", folder.SigningKey(options.name).string()},
                      {"bls_signing_key_file", folder.SigningKey(votes).string()},
                      {"validator_file", shared}};
  shell.Print(value, absl::StrCat("public key  ", made->keys.key.Hex(), "\nsecret      ",
                                  folder.SigningKey(options.name).string(), " (signing_key_file)\n",
                                  "secret      ", folder.SigningKey(votes).string(),
                                  " (bls_signing_key_file, with BLS certificates)\nto share    ",
                                  shared, "\n"));
  return ExitCode::kOk;
}

struct GenesisOptions {
  std::vector<std::string> from;
  std::string out;
  std::optional<uint64_t> timestamp_us;
  keys::ConsensusPlan plan;
};

ExitCode MakeGenesis(const Shell& shell, const GenesisOptions& options) {
  const auto validators = keys::ReadValidators(options.from, options.plan.certificates);
  if (!validators.ok()) return shell.Fail(validators.status());
  const uint64_t now_us = static_cast<uint64_t>(std::time(nullptr)) * 1'000'000;
  hotstuff::Genesis genesis = keys::GenesisOf(options.plan, options.timestamp_us.value_or(now_us));
  std::string names = "in this order: ";
  for (const keys::NamedValidator& validator : *validators) {
    absl::StrAppend(&names, genesis.validators.empty() ? "" : ", ", validator.name);
    genesis.validators.push_back(validator.keys);
  }
  if (const absl::Status status = genesis.Validate(); !status.ok()) {
    return shell.Fail(status, ExitCode::kUsage);
  }
  if (const absl::Status status = keys::WriteGenesis(options.out, genesis); !status.ok()) {
    return shell.Fail(status);
  }
  const std::string warning = FewReplicasWarning(genesis.validators.size());
  Json value = GenesisJson(genesis);
  value["file"] = options.out;
  if (!warning.empty()) value["warning"] = warning;
  shell.Print(value, absl::StrCat(GenesisText(genesis), names, "\n",
                                  warning.empty() ? "" : "WARNING: " + warning + "\n", "wrote ",
                                  options.out, "\n"));
  return ExitCode::kOk;
}

}  // namespace

void AddValidatorKeys(CLI::App& keys_app, Shell& shell) {
  CLI::App* validator = keys_app.add_subcommand(
      "validator", "Make the keys of one validator of consensus, and its public file to share");
  const auto options = std::make_shared<ValidatorOptions>();
  options->folder = ".";
  validator->add_option("name", options->name, "Name of the validator, in its file names")
      ->required();
  validator->add_option("--out", options->folder, "Folder for the files")->capture_default_str();
  validator->footer(
      "Each operator runs this for itself, keeps the secret files and hands NAME.validator.json "
      "to\n"
      "whoever makes the genesis (`groat keys genesis`) or a change of validators (`groat "
      "consensus\n"
      "change`). Nothing is ever overwritten.");
  validator->callback([&shell, options] { shell.exit = MakeValidator(shell, *options); });

  CLI::App* genesis = keys_app.add_subcommand(
      "genesis", "Put public files of validators together to the genesis of a chain");
  const auto genesis_options = std::make_shared<GenesisOptions>();
  genesis
      ->add_option("--from", genesis_options->from,
                   "Public files (NAME.validator.json) in the order of the replicas; a,b or "
                   "repeated")
      ->required()
      ->allow_extra_args(false)
      ->delimiter(',');
  genesis->add_option("--out", genesis_options->out, "New file for the genesis")->required();
  genesis->add_option("--timestamp-us", genesis_options->timestamp_us,
                      "Unix time of block 0 in microseconds [now]");
  AddPlanFlags(*genesis, "--", genesis_options->plan);
  genesis->footer(
      "All replicas need the same file: operators compare the chain that it shows, with `groat\n"
      "consensus genesis show`. The same files, flags and time give the same genesis.");
  genesis->callback(
      [&shell, genesis_options] { shell.exit = MakeGenesis(shell, *genesis_options); });
}

}  // namespace groat::commands
