# groat_proto(NAME PROTOS groat/common/v1/common.proto [DEPS groat::proto_common] [GRPC])
#
# Generates C++ for the .proto files (paths from proto/) into one library `groat_NAME` with the
# alias `groat::NAME`; with GRPC also the service stubs. Generated code is compiled once and
# without our warnings.
function(groat_proto name)
  cmake_parse_arguments(arg "GRPC" "ROOT" "PROTOS;DEPS" ${ARGN})
  if(NOT arg_ROOT)
    set(arg_ROOT ${PROJECT_SOURCE_DIR}/proto)
  endif()
  set(out ${PROJECT_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(proto ${arg_PROTOS})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(outputs ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(flags --cpp_out=${out})
    if(arg_GRPC)
      list(APPEND outputs ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      list(APPEND flags --grpc_out=${out} --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>)
    endif()
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc -I ${arg_ROOT} ${flags} ${arg_ROOT}/${proto}
      DEPENDS ${arg_ROOT}/${proto}
      COMMENT "protoc ${proto}"
      VERBATIM)
    list(APPEND sources ${outputs})
  endforeach()
  add_library(groat_${name} STATIC ${sources})
  add_library(groat::${name} ALIAS groat_${name})
  target_include_directories(groat_${name} SYSTEM PUBLIC ${out})
  target_link_libraries(groat_${name} PUBLIC groat_build protobuf::libprotobuf ${arg_DEPS})
  if(arg_GRPC)
    target_link_libraries(groat_${name} PUBLIC gRPC::grpc++)
  endif()
endfunction()
