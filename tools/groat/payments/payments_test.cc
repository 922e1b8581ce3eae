#include "tools/groat/payments/payments.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

#include "base/status_matchers.h"
#include "crypto/sha256.h"

namespace groat::payments {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kHeader[] = "time_of_day_ms,payment_id,payer_asset,amount_cents,merchant_category\n";

TEST(PaymentsTest, ReadsRowsWithEitherLineEnd) {
  GROAT_ASSERT_OK_AND_ASSIGN(
      const std::vector<Payment> payments,
      ParsePayments(std::string(kHeader) + "0,1,a-1,250,cafe\r\n86399999,2,B_2,1,fuel", "f"));
  ASSERT_EQ(payments.size(), 2u);
  EXPECT_EQ(payments[0], (Payment{0, 1, "a-1", 250, "cafe"}));
  EXPECT_EQ(payments[1], (Payment{86'399'999, 2, "B_2", 1, "fuel"}));
}

struct BadCase {
  const char* name;
  std::string text;
  const char* message;
};

class BadPaymentsTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadPaymentsTest, NamesFileLineAndWhatWasWanted) {
  EXPECT_THAT(ParsePayments(GetParam().text, "p.csv"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadPaymentsTest,
    ::testing::Values(
        BadCase{"Empty", "", "p.csv:1: header is \"\", want time_of_day_ms,"},
        BadCase{"OtherHeader", "time,id\n", "p.csv:1: header is \"time,id\", want"},
        BadCase{"NoRows", kHeader, "p.csv:1: no payment follows"},
        BadCase{"FewFields", std::string(kHeader) + "0,1,a,2\n", "p.csv:2: 4 fields, want 5"},
        BadCase{"ManyFields", std::string(kHeader) + "0,1,a,2,b,c\n", "p.csv:2: 6 fields, want 5"},
        BadCase{"EmptyLine", std::string(kHeader) + "0,1,a,2,b\n\n", "p.csv:3: 1 fields, want 5"},
        BadCase{"TimeTooLate", std::string(kHeader) + "86400000,1,a,2,b\n",
                "p.csv:2: time_of_day_ms is \"86400000\", want a whole number from 0 to 86399999"},
        BadCase{"TimeBackwards", std::string(kHeader) + "5,1,a,2,b\n4,2,b,2,b\n",
                "p.csv:3: time_of_day_ms is 4, want at least 5"},
        BadCase{"IdTwice", std::string(kHeader) + "5,1,a,2,b\n5,1,b,2,b\n",
                "p.csv:3: payment_id is 1, which an earlier line has"},
        BadCase{"IdTooLarge", std::string(kHeader) + "5,18446744073709551616,a,2,b\n",
                "p.csv:2: payment_id is \"18446744073709551616\", want"},
        BadCase{"AmountWithPoint", std::string(kHeader) + "5,1,a,12.5,b\n",
                "p.csv:2: amount_cents is \"12.5\", want a whole number from 1 to 1000000000"},
        BadCase{"AmountZero", std::string(kHeader) + "5,1,a,0,b\n",
                "p.csv:2: amount_cents is \"0\""},
        BadCase{"AmountNegative", std::string(kHeader) + "5,1,a,-1,b\n",
                "p.csv:2: amount_cents is \"-1\""},
        BadCase{"NoAsset", std::string(kHeader) + "5,1,,1,b\n",
                "p.csv:2: payer_asset is \"\", want 1 to 64 letters"},
        BadCase{"LongAsset", std::string(kHeader) + "5,1," + std::string(65, 'a') + ",1,b\n",
                "p.csv:2: payer_asset is \"aaaa"},
        BadCase{"OddCategory", std::string(kHeader) + "5,1,a,1,b c\n",
                "p.csv:2: merchant_category is \"b c\", want 1 to 32 letters"}),
    [](const auto& param) { return param.param.name; });

TEST(PaymentsTest, ReadNamesMissingFile) {
  EXPECT_THAT(ReadPayments("/no/such/file.csv"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/file.csv")));
}

TEST(PaymentsTest, MarksEverySpendAfterTheFirst) {
  GROAT_ASSERT_OK_AND_ASSIGN(
      const std::vector<Payment> payments,
      ParsePayments(std::string(kHeader) + "0,1,a,1,x\n0,2,b,1,x\n1,3,a,1,x\n2,4,a,2,x\n", "f"));
  EXPECT_EQ(MarkDoubleSpends(payments), (std::vector<bool>{false, false, true, true}));
}

TEST(PaymentsTest, UpdateFollowsDocumentedDerivation) {
  const Bytes32 run = *Bytes32::From(Bytes(32, 7), "run");
  const Payment payment{1000, 5, "abc", 250, "cafe"};
  const record::Update update = UpdateOf(payment, run);

  ByteWriter seed;
  seed.Raw(run).Text("abc");
  EXPECT_EQ(update.unlock, Blake3Context("groat 2026 demo unlock v1")(seed.bytes()));
  ByteWriter state;
  state.Raw(run).U64(5).U32(1000).U64(250).U8(3).Text("abc").Text("cafe");
  EXPECT_EQ(update.value, Blake3Context("groat 2026 demo value v1")(state.bytes()));
}

TEST(PaymentsTest, DoubleSpendSharesUnlockButNotValue) {
  const Payment first{1000, 5, "abc", 250, "cafe"};
  Payment second = first;
  second.payment_id = 6;
  EXPECT_EQ(UpdateOf(first, {}).unlock, UpdateOf(second, {}).unlock);
  EXPECT_NE(UpdateOf(first, {}).value, UpdateOf(second, {}).value);
  const Bytes32 other_run = *Bytes32::From(Bytes(32, 1), "run");
  EXPECT_NE(UpdateOf(first, {}).unlock, UpdateOf(first, other_run).unlock);
}

std::string SourcePath(const std::string& path) {
  const char* root = std::getenv("GROAT_SOURCE_DIR");
  return (root == nullptr ? std::string(".") : std::string(root)) + "/" + path;
}

// What the README beside the file says of it.
TEST(PaymentsFileTest, ShippedFileIsAsDescribed) {
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Payment> payments,
                             ReadPayments(SourcePath("tools/groat/data/payments.csv")));
  ASSERT_EQ(payments.size(), 100'000u);
  size_t double_spends = 0;
  for (const bool mark : MarkDoubleSpends(payments)) double_spends += mark ? 1 : 0;
  EXPECT_EQ(double_spends, 350u);
  std::vector<size_t> by_hour(24);
  for (const Payment& payment : payments) ++by_hour[payment.time_of_day_ms / 3'600'000];
  EXPECT_LT(20 * by_hour[1], by_hour[12]);
  EXPECT_LT(by_hour[15], by_hour[17]);
}

TEST(PaymentsFileTest, GeneratorWritesTheShippedFile) {
  const std::string command = "python3 " + SourcePath("tools/groat/data/generate_payments.py");
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";
  std::FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string generated;
  char buffer[65536];
  for (size_t size = 0; (size = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    generated.append(buffer, size);
  }
  ASSERT_EQ(pclose(pipe), 0);
  std::ifstream in(SourcePath("tools/groat/data/payments.csv"), std::ios::binary);
  const std::string shipped((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_EQ(Sha256(AsBytes(generated)).Hex(), Sha256(AsBytes(shipped)).Hex());
}

}  // namespace
}  // namespace groat::payments
