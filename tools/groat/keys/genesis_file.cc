#include "tools/groat/keys/genesis_file.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"

namespace groat::keys {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr mode_t kPublicMode = 0644;

}  // namespace

std::string NameOf(hotstuff::RuleSet rules) {
  return rules == hotstuff::RuleSet::kTwoChain ? "two_chain" : "three_chain";
}
std::string NameOf(hotstuff::CertificateKind certificates) {
  return certificates == hotstuff::CertificateKind::kEd25519List ? "ed25519" : "bls";
}
std::string NameOf(hotstuff::VoteSpread votes) {
  return votes == hotstuff::VoteSpread::kNextLeader ? "next_leader" : "all";
}

absl::StatusOr<hotstuff::Genesis> ReadGenesis(const std::filesystem::path& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path.string(), kMaxFileBytes));
  const auto named = [&path](const absl::Status& status) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.string(), ": ", std::string(status.message())));
  };
  std::string text = file.content;
  absl::StripAsciiWhitespace(&text);
  const absl::StatusOr<Bytes> bytes = FromHex(text);
  if (!bytes.ok()) return named(bytes.status());
  absl::StatusOr<hotstuff::Genesis> genesis = hotstuff::Genesis::Decode(*bytes);
  if (!genesis.ok()) return named(genesis.status());
  return genesis;
}

absl::Status WriteGenesis(const std::filesystem::path& path, const hotstuff::Genesis& genesis) {
  GROAT_RETURN_IF_ERROR(genesis.Validate());
  return WriteWholeFile(path.string(), AsBytes(ToHex(genesis.Encode()) + "\n"), kPublicMode,
                        IfExists::kRefuse);
}

}  // namespace groat::keys
