// Puts defects into a core. Tests only; nothing else can.
#ifndef GROAT_HOTSTUFF_TESTING_DEFECT_INJECTOR_H_
#define GROAT_HOTSTUFF_TESTING_DEFECT_INJECTOR_H_

#include "hotstuff/core.h"

namespace groat::hotstuff::testing {

class DefectInjector {
 public:
  static void Inject(Core& core, const Defects& defects) { core.defects_ = defects; }
};

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_DEFECT_INJECTOR_H_
