// Which parts of objects are shown to nobody.
#pragma once

#include "value/value.hpp"

namespace squall::kubernetes {

// Removes metadata.managedFields: bulky, and of use to servers only.
void drop_managed_fields(Value& object);
// Is it a core/v1 Secret?
bool is_secret(const Value& object);
// Of a core/v1 Secret: replaces every value of data and stringData, and the copy of the whole object that `kubectl
// apply` keeps in an annotation, by "********". Anything else stays as it is. True when it was a Secret.
bool mask_secret(Value& object);

}  // namespace squall::kubernetes
