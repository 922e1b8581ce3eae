# etcd's client API, only what the register and its administration call.
groat_proto(etcd_api GRPC ROOT ${PROJECT_SOURCE_DIR}/libs
  PROTOS storage/etcd/kv.proto storage/etcd/rpc.proto)

# The register and its forms.
groat_library(storage_register
  SRCS register.cc register_transaction.cc register_state.cc local_register.cc memory_register.cc
    embedded_register.cc faulty_register.cc
    etcd_admin.cc etcd_channels.cc etcd_lease.cc etcd_reads.cc etcd_register.cc
    etcd_snapshot_file.cc etcd_watch.cc
  DEPS groat::base groat::etcd_api absl::status absl::statusor absl::strings absl::time
    gRPC::grpc++ OpenSSL::Crypto RocksDB::rocksdb-shared)

# What tests of the register and of those who use it need.
groat_library(storage_testing
  SRCS testing/append_history.cc testing/append_workload.cc testing/etcd_cluster.cc
    testing/register_form.cc testing/test_certificates.cc
  DEPS groat::storage_register)

# Those with the label etcd start processes of the packaged etcd.
groat_test(append_history_test SRCS testing/append_history_test.cc DEPS groat::storage_testing)
groat_test(register_conformance_test SRCS register_conformance_test.cc DEPS groat::storage_testing LABELS unit etcd)
groat_test(etcd_channels_test SRCS etcd_channels_test.cc DEPS groat::storage_testing)
groat_test(etcd_register_test SRCS etcd_register_test.cc DEPS groat::storage_testing LABELS unit etcd)
groat_test(etcd_admin_test SRCS etcd_admin_test.cc DEPS groat::storage_testing groat::crypto
  LABELS unit etcd)
groat_test(local_register_test SRCS local_register_test.cc DEPS groat::storage_testing)

groat_binary(register_benchmark SRCS ${PROJECT_SOURCE_DIR}/loadtest/register_benchmark.cc
  DEPS groat::storage_testing CLI11::CLI11)
