#include "p2p/peer_record.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"

namespace groat::p2p {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr uint64_t kTime = 1'700'000'000'123;

Ed25519PrivateKey Key(uint8_t number) {
  Bytes32 seed;
  seed[0] = number;
  return Ed25519PrivateKey(seed);
}

Hash Namespace(uint8_t byte) {
  Hash hash;
  for (size_t i = 0; i < 32; ++i) hash[i] = byte;
  return hash;
}

// The signature is the one that `openssl pkeyutl -sign -rawin` makes of the 110 signed bytes.
TEST(PeerRecordTest, PinsTheBytes) {
  const Ed25519PrivateKey key = Key(1);
  const PeerRecord record = SignPeerRecord(key, Namespace(0x11), kTime, "db-1.example:4433");
  EXPECT_EQ(ToHex(record.Encode()),
            "cecc1507dc1ddd7295951c290888f095adb9044d1b73d696e6df065d683bd4fc"
            "0000018bcfe5687b"
            "11"
            "64622d312e6578616d706c653a34343333"
            "a3fa5feb4f940fcfb9fc3b0b09803f9178941a9c956187534dea291ec3e7303cc8bd56987343fd4da6f72d"
            "a9d793c9383687504a9152164d0a98ae7c13c12f00");
}

TEST(PeerRecordTest, PinsTheNamespaceHash) {
  EXPECT_EQ(NamespaceHash("groat-testnet consensus").Hex(),
            "d9095e033914ca2c1f903bd5f377704ced4fa0552a157a0d0516b8bbe9ac9bbe");
  EXPECT_NE(NamespaceHash("a"), NamespaceHash("b"));
}

TEST(PeerRecordTest, RoundTrips) {
  const PeerRecord record = SignPeerRecord(Key(2), Namespace(1), UINT64_MAX, "[::1]:1");
  GROAT_ASSERT_OK_AND_ASSIGN(const PeerRecord decoded, PeerRecord::Decode(record.Encode()));
  EXPECT_EQ(decoded.peer, record.peer);
  EXPECT_EQ(decoded.timestamp_ms, UINT64_MAX);
  EXPECT_EQ(decoded.address, "[::1]:1");
  EXPECT_EQ(decoded.signature, record.signature);
  EXPECT_TRUE(VerifyPeerRecord(decoded, Namespace(1)));
}

TEST(PeerRecordTest, RefusesEveryTruncationAndExtension) {
  const Bytes whole = SignPeerRecord(Key(2), Namespace(1), kTime, "host:1").Encode();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(PeerRecord::Decode(ByteView(whole).first(size)), StatusIs(kInvalid, HasSubstr("")))
        << size;
  }
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_THAT(PeerRecord::Decode(longer), StatusIs(kInvalid, HasSubstr("peer record")));
}

TEST(PeerRecordTest, DecodeRefusesABadAddress) {
  PeerRecord record = SignPeerRecord(Key(2), Namespace(1), kTime, "host:1");
  for (const char* address : {"host:0", "host", "", "host: 1", "a b:1"}) {
    record.address = address;
    EXPECT_THAT(PeerRecord::Decode(record.Encode()), StatusIs(kInvalid, HasSubstr("not host:port")))
        << address;
  }
}

// Whatever part of a record is changed, and in whatever order good and bad ones are asked for: the
// memory of good signatures covers every byte that is signed, the signature and the namespace.
TEST(PeerRecordTest, VerifiesOnlyWhatWasSigned) {
  const PeerRecord good = SignPeerRecord(Key(3), Namespace(7), kTime, "host:4433");
  const PeerRecord other = SignPeerRecord(Key(4), Namespace(7), kTime, "host:4433");
  struct Case {
    const char* name;
    PeerRecord record;
    Hash namespace_hash;
  };
  std::vector<Case> bad = {
      {"another namespace", good, Namespace(8)},
      {"an older time", good, Namespace(7)},
      {"a newer time", good, Namespace(7)},
      {"another address", good, Namespace(7)},
      {"a longer address", good, Namespace(7)},
      {"another peer", good, Namespace(7)},
      {"another peer's signature", good, Namespace(7)},
      {"a zero key", good, Namespace(7)},
  };
  --bad[1].record.timestamp_ms;
  ++bad[2].record.timestamp_ms;
  bad[3].record.address = "host:4434";
  bad[4].record.address = "host:44330";
  bad[5].record.peer = other.peer;
  bad[6].record.signature = other.signature;
  bad[7].record.peer = PeerId();
  for (size_t bit = 0; bit < 512; bit += 37) {
    Case damaged{"a damaged signature", good, Namespace(7)};
    damaged.record.signature[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    bad.push_back(damaged);
  }
  for (int round = 0; round < 3; ++round) {  // Before the good one was seen, and after.
    for (const Case& c : bad) {
      EXPECT_FALSE(VerifyPeerRecord(c.record, c.namespace_hash)) << c.name << ", round " << round;
    }
    EXPECT_TRUE(VerifyPeerRecord(good, Namespace(7)));
  }
}

// Asked for again and again, among copies that differ in their time alone.
TEST(PeerRecordTest, RemembersGoodRecordsOneByOne) {
  const Ed25519PrivateKey key = Key(5);
  std::vector<PeerRecord> records;
  for (uint64_t i = 0; i < 200; ++i) {
    records.push_back(SignPeerRecord(key, Namespace(9), kTime + i, "host:1"));
  }
  for (int round = 0; round < 2; ++round) {
    for (PeerRecord& record : records) {
      EXPECT_TRUE(VerifyPeerRecord(record, Namespace(9)));
      record.timestamp_ms += 1000;
      EXPECT_FALSE(VerifyPeerRecord(record, Namespace(9)));
      record.timestamp_ms -= 1000;
    }
  }
}

TEST(CheckAddressTest, TakesGoodAddresses) {
  const std::string longest = std::string(kMaxAddressBytes - 2, 'h') + ":1";
  for (const std::string& address :
       {std::string("127.0.0.1:1"), std::string("localhost:65535"), std::string("db-1.example:80"),
        std::string("[::1]:443"), std::string("[2001:db8::8:800:200C:417A]:9"),
        std::string("[::ffff:127.0.0.1]:1"), std::string("A:10"), longest}) {
    EXPECT_THAT(CheckAddress(address), IsOk()) << address;
    EXPECT_THAT(CheckAddress(address, /*allow_port_0=*/true), IsOk()) << address;
  }
}

TEST(CheckAddressTest, TakesPort0WhereAllowed) {
  EXPECT_THAT(CheckAddress("127.0.0.1:0", true), IsOk());
  EXPECT_THAT(CheckAddress("127.0.0.1:0"), StatusIs(kInvalid, HasSubstr("\"127.0.0.1:0\"")));
}

TEST(CheckAddressTest, RefusesBadAddresses) {
  using namespace std::string_literals;
  for (const std::string& address : {""s,
                                     ":"s,
                                     ":80"s,
                                     "host"s,
                                     "host:"s,
                                     "host:x"s,
                                     "host:65536"s,
                                     "host:4294967297"s,
                                     "host:99999999999999999999"s,
                                     "host:-1"s,
                                     "host:+1"s,
                                     "host: 1"s,
                                     "host:1 "s,
                                     "host:\t1"s,
                                     "host:1\n"s,
                                     "host:1\0"s,
                                     "host:0x1"s,
                                     "host:01"s,
                                     "host:00"s,
                                     "host:1.0"s,
                                     "ho st:1"s,
                                     " host:1"s,
                                     "host\0:1"s,
                                     "host/a:1"s,
                                     "dns:///host:1"s,
                                     "unix:/tmp/x"s,
                                     "::1:80"s,
                                     "[]:1"s,
                                     "[::1:1"s,
                                     "::1]:1"s,
                                     "[::1]"s,
                                     "[::g]:1"s,
                                     "[fe80::1%eth0]:1"s,
                                     "a:1:2"s,
                                     "user@host:1"s,
                                     "h\xc3\xb6st:1"s,
                                     std::string(kMaxAddressBytes - 1, 'h') + ":1"}) {
    for (const bool allow_port_0 : {false, true}) {
      EXPECT_THAT(CheckAddress(address, allow_port_0), StatusIs(kInvalid, HasSubstr("host:port")))
          << address;
    }
  }
}

// What a peer sends reaches logs only in printable form.
TEST(CheckAddressTest, TheErrorIsPrintable) {
  const std::string message(CheckAddress("\x1b[31m\n\xff:1").message());
  for (const char c : message) EXPECT_TRUE(c >= 0x20 && c <= 0x7e) << message;
}

}  // namespace
}  // namespace groat::p2p
