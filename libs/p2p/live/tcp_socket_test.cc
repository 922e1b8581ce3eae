#include "p2p/live/tcp_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>

#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"

namespace groat::p2p {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Pair;

void AwaitReadable(int fd) {
  pollfd watched = {fd, POLLIN, 0};
  ASSERT_EQ(poll(&watched, 1, 10'000), 1);
}

TEST(TcpSocketTest, TakesAddressesApart) {
  EXPECT_THAT(SplitAddress("relay-0.groat:7302"), Pair("relay-0.groat", "7302"));
  EXPECT_THAT(SplitAddress("[::1]:80"), Pair("::1", "80"));
  EXPECT_TRUE(IsNumericHost("127.0.0.1"));
  EXPECT_TRUE(IsNumericHost("::1"));
  EXPECT_FALSE(IsNumericHost("localhost"));
  EXPECT_FALSE(IsNumericHost("1.2.3"));
}

TEST(TcpSocketTest, ConnectsOverBothKindsOfAddress) {
  for (const char* host : {"127.0.0.1", "[::1]", "localhost"}) {
    GROAT_ASSERT_OK_AND_ASSIGN(const Listener listener, ListenTcp(absl::StrCat(host, ":0")));
    EXPECT_NE(listener.port, 0);
    EXPECT_THAT(AcceptTcp(listener.socket.fd()).status(),
                StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
    GROAT_ASSERT_OK_AND_ASSIGN(const auto addresses,
                               Resolve(absl::StrCat(host, ":", listener.port)));
    GROAT_ASSERT_OK_AND_ASSIGN(const Socket dialled, BeginConnect(addresses.front()));
    AwaitReadable(listener.socket.fd());
    GROAT_ASSERT_OK_AND_ASSIGN(const Accepted accepted, AcceptTcp(listener.socket.fd()));
    SocketAddress own;
    own.size = sizeof(own.storage);
    ASSERT_EQ(getsockname(dialled.fd(), reinterpret_cast<sockaddr*>(&own.storage), &own.size), 0);
    EXPECT_EQ(accepted.source, SourceOf(own));
  }
}

TEST(TcpSocketTest, WhatCannotBeHadIsUnavailable) {
  GROAT_ASSERT_OK_AND_ASSIGN(const Listener listener, ListenTcp("127.0.0.1:0"));
  const std::string taken = absl::StrCat("127.0.0.1:", listener.port);
  EXPECT_THAT(ListenTcp(taken).status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(taken)));
  EXPECT_THAT(Resolve("no-such-host.groat.invalid:1").status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no-such-host")));
}

TEST(TcpSocketTest, AnIpv4AddressIsTheSameInAnIpv6Socket) {
  GROAT_ASSERT_OK_AND_ASSIGN(const auto plain, Resolve("127.0.0.1:5"));
  GROAT_ASSERT_OK_AND_ASSIGN(const auto mapped, Resolve("[::ffff:127.0.0.1]:5"));
  EXPECT_EQ(SourceOf(plain[0]), SourceOf(mapped[0]));
  EXPECT_EQ(SourceOf(plain[0]).port, 5);
}

}  // namespace
}  // namespace groat::p2p
