#include "services/consensus/testing/test_replicas.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/check.h"
#include "base/whole_file.h"
#include "crypto/key_file.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rpc/channel.h"
#include "storage/rocks_store.h"

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
  genesis_.timestamp_us = 1'767'225'600'000'000;
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
  configs_[i].first_start = started_.insert(i).second && !configs_[i].memory_lost;
  auto server = ConsensusServer::Start(configs_[i], logger_,
                                       [](const absl::Status& status) { GROAT_CHECK_OK(status); });
  GROAT_CHECK_OK(server.status());
  servers_[i] = *std::move(server);
}

void TestReplicas::RemoveFolder(size_t i) { std::filesystem::remove_all(configs_[i].data_dir); }

std::unique_ptr<BlockStore> TestReplicas::OpenStore(size_t i) {
  auto rocks = storage::RocksStore::Open(configs_[i].data_dir + "/blocks",
                                         storage::RocksStore::Values::kLarge);
  GROAT_CHECK_OK(rocks.status());
  auto store = BlockStore::Open(std::make_unique<storage::RocksStore>(*std::move(rocks)), genesis_);
  GROAT_CHECK_OK(store.status());
  return *std::move(store);
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

std::map<std::string, double> TestReplicas::Metrics(size_t i) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(servers_[i]->metrics_port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  GROAT_CHECK_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
  GROAT_CHECK_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string page;
  char buffer[4096];
  for (ssize_t size; (size = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    page.append(buffer, static_cast<size_t>(size));
  }
  close(fd);
  std::map<std::string, double> samples;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    const size_t end = line.rfind(' ');
    if (line.rfind("groat_", 0) != 0 || end == std::string::npos) continue;
    samples[line.substr(0, end)] = std::strtod(line.c_str() + end, nullptr);
  }
  return samples;
}

bool TestReplicas::WaitForMetrics(
    size_t i, const std::function<bool(const std::map<std::string, double>&)>& wanted) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (wanted(Metrics(i))) return true;
  }
  return false;
}

bool TestReplicas::WaitForMetric(size_t i, const std::string& sample, double value) {
  return WaitForMetrics(i, [&](const std::map<std::string, double>& metrics) {
    const auto found = metrics.find(sample);
    if (found == metrics.end()) return false;
    return value == 0 ? found->second == 0 : found->second >= value;
  });
}

bool TestReplicas::WaitForHealth(size_t i, bool serving) {
  const auto stub = grpc::health::v1::Health::NewStub(Channel(i));
  rpc::CallContext context(kPatience);
  const auto watch = stub->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  while (watch->Read(&response)) {
    if ((response.status() == grpc::health::v1::HealthCheckResponse::SERVING) == serving) {
      context.TryCancel();
      return true;
    }
  }
  return false;
}

}  // namespace groat::consensus_service::testing
