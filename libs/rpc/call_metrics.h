// Counts and times calls, with the names and labels of the well-known go-grpc-prometheus, so that
// existing dashboards fit:
//
//   grpc_server_started_total        {grpc_type, grpc_service, grpc_method}
//   grpc_server_handled_total        {.., grpc_code}: calls that ended, by the status sent
//   grpc_server_handling_seconds     {..}: from the request's arrival to the status
//   grpc_server_msg_received_total   {..}
//   grpc_server_msg_sent_total       {..}
//
// and the same with grpc_client_ as the client sees it. Methods that no linked contract describes
// are counted together as "unknown", so the label sets are bounded. Thread-safe.
#ifndef GROAT_RPC_CALL_METRICS_H_
#define GROAT_RPC_CALL_METRICS_H_

#include <grpcpp/support/client_interceptor.h>
#include <grpcpp/support/server_interceptor.h>
#include <prometheus/registry.h>

#include <memory>

namespace groat::rpc {

// Registers the families in `registry`, or finds those of an earlier call.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeServerCallMetrics(
    std::shared_ptr<prometheus::Registry> registry);
std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface> MakeClientCallMetrics(
    std::shared_ptr<prometheus::Registry> registry);

}  // namespace groat::rpc

#endif  // GROAT_RPC_CALL_METRICS_H_
