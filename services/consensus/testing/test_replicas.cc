#include "services/consensus/testing/test_replicas.h"

#include <cstdlib>

#include "base/check.h"
#include "base/whole_file.h"
#include "crypto/key_file.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rpc/channel.h"

namespace groat::consensus_service::testing {
namespace {

constexpr std::chrono::seconds kPatience{30};

Ed25519PrivateKey KeyOf(size_t i) {
  Bytes32 seed;
  StoreBigEndian(i + 1, seed.data(), 8);
  return Ed25519PrivateKey(seed);
}

}  // namespace

TestReplicas::TestReplicas(size_t n, const std::function<void(hotstuff::Genesis&, Config&)>& adjust)
    : authority_("test authority"),
      logger_({.service = "consensus",
               .level = std::getenv("GROAT_TEST_LOG") == nullptr ? telemetry::LogLevel::kError
                                                                 : telemetry::LogLevel::kInfo}),
      configs_(n),
      servers_(n) {
  genesis_.name = "test";
  genesis_.timestamp_ms = 1'767'225'600'000;
  genesis_.block = {1000, 1 << 20};
  for (size_t i = 0; i < n; ++i) {
    genesis_.validators.push_back({KeyOf(i).public_key(), std::nullopt});
  }
  for (size_t i = 0; i < n; ++i) {
    Config& config = configs_[i];
    const std::string name = "replica-" + std::to_string(i);
    config.genesis_file = folder_.Path("genesis.hex");
    config.signing_key_file = folder_.Path(name + ".key.pem");
    config.data_dir = folder_.Path(name);
    config.listen = config.metrics_listen = config.mesh_listen = "127.0.0.1:0";
    config.admins = {"admin"};
    config.tls = authority_.Issue(name);
    if (adjust) adjust(genesis_, config);
    GROAT_CHECK_OK(WritePrivateKeyFile(config.signing_key_file, KeyOf(i), IfExists::kRefuse));
  }
  GROAT_CHECK_OK(WriteWholeFile(folder_.Path("genesis.hex"),
                                AsBytes(ToHex(genesis_.Encode()) + "\n"), 0644, IfExists::kRefuse));
}

TestReplicas::~TestReplicas() = default;

void TestReplicas::Start(size_t i) {
  configs_[i].peers.clear();
  for (size_t other = 0; other < servers_.size(); ++other) {
    if (servers_[other] == nullptr) continue;
    configs_[i].peers.push_back(
        {genesis_.validators[other].key.Hex(), servers_[other]->mesh_address()});
  }
  auto server = ConsensusServer::Start(configs_[i], logger_,
                                       [](const absl::Status& status) { GROAT_CHECK_OK(status); });
  GROAT_CHECK_OK(server.status());
  servers_[i] = *std::move(server);
}

void TestReplicas::StartAll() {
  for (size_t i = 0; i < servers_.size(); ++i) {
    if (!runs(i)) Start(i);
  }
}

std::shared_ptr<grpc::Channel> TestReplicas::Channel(size_t i, const std::string& name) {
  rpc::ChannelOptions options;
  options.max_receive_bytes = 64 << 20;
  options.own_connection = true;
  auto channel = rpc::MakeChannel("127.0.0.1:" + std::to_string(servers_[i]->port()),
                                  authority_.Issue(name), options);
  GROAT_CHECK_OK(channel.status());
  return *std::move(channel);
}

bool TestReplicas::WaitServing(size_t i) {
  const auto stub = grpc::health::v1::Health::NewStub(Channel(i));
  rpc::CallContext context(kPatience);
  const auto watch = stub->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  while (watch->Read(&response)) {
    if (response.status() == grpc::health::v1::HealthCheckResponse::SERVING) {
      context.TryCancel();
      return true;
    }
  }
  return false;
}

}  // namespace groat::consensus_service::testing
