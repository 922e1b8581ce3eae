#include "bls/hash/hash_to_g2.h"

#include "bls/curve/g2.h"
#include "bls/hash/hash_to_field.h"
#include "bls/hash/isogenous_curve.h"
#include "bls/hash/isogeny.h"

namespace groat::bls {

G2 HashToG2(ByteView message, ByteView domain_tag) {
  return HashManyToG2({&message, 1}, domain_tag)[0];
}

std::vector<G2> HashManyToG2(std::span<const ByteView> messages, ByteView domain_tag) {
  std::vector<Fp2> elements;
  elements.reserve(2 * messages.size());
  for (ByteView message : messages) {
    for (const Fp2& element : HashToFp2(message, domain_tag)) elements.push_back(element);
  }
  const std::vector<IsogenousPoint> points = MapToIsogenousCurve(elements);
  std::vector<G2> out;
  out.reserve(messages.size());
  for (size_t i = 0; i < points.size(); i += 2) {
    out.push_back(ClearCofactor(MapByIsogeny(AddOnIsogenousCurve(points[i], points[i + 1]))));
  }
  return out;
}

}  // namespace groat::bls
