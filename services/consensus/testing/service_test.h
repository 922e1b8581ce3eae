// Four whole replicas and their clients, over real connections with mutual TLS. Tests only.
#ifndef GROAT_SERVICES_CONSENSUS_TESTING_SERVICE_TEST_H_
#define GROAT_SERVICES_CONSENSUS_TESTING_SERVICE_TEST_H_

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <string>

#include "rpc/channel.h"
#include "rpc/status.h"
#include "services/consensus/testing/test_replicas.h"

namespace groat::consensus_service::testing {

// For a call that should be answered.
inline constexpr std::chrono::seconds kPatience{30};

// A request with `count` commands of one client, with sequences from `first` on.
template <class Request>
Request Commands(uint64_t client, uint64_t first, uint64_t count, size_t payload_bytes = 128) {
  Request request;
  request.set_client_id(client);
  for (uint64_t i = 0; i < count; ++i) {
    consensus::v1::Command* const command = request.add_commands();
    command->set_sequence(first + i);
    command->set_payload(std::string(payload_bytes, static_cast<char>('a' + i % 26)));
  }
  return request;
}

class ServiceTest : public ::testing::Test {
 protected:
  void StartAll() {
    replicas_.StartAll();
    for (size_t i = 0; i < 4; ++i) ASSERT_TRUE(replicas_.WaitServing(i));
  }
  std::unique_ptr<consensus::v1::ConsensusService::Stub> Stub(size_t i) {
    return consensus::v1::ConsensusService::NewStub(replicas_.Channel(i));
  }
  absl::StatusOr<consensus::v1::SubmitResponse> Submit(
      size_t i, const consensus::v1::SubmitRequest& request) {
    rpc::CallContext context(kPatience);
    consensus::v1::SubmitResponse response;
    const grpc::Status status = Stub(i)->Submit(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }

  TestReplicas replicas_{4};
};

}  // namespace groat::consensus_service::testing

#endif  // GROAT_SERVICES_CONSENSUS_TESTING_SERVICE_TEST_H_
