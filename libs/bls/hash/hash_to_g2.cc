#include "bls/hash/hash_to_g2.h"

#include "bls/curve/g2.h"
#include "bls/hash/hash_to_field.h"
#include "bls/hash/isogenous_curve.h"
#include "bls/hash/isogeny.h"

namespace groat::bls {

G2 HashToG2(ByteView message, ByteView domain_tag) {
  const auto points = MapToIsogenousCurve(HashToFp2(message, domain_tag));
  return ClearCofactor(MapByIsogeny(AddOnIsogenousCurve(points[0], points[1])));
}

}  // namespace groat::bls
