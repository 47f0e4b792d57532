// Passwords for database users.
#pragma once

#include <cstddef>
#include <string>

#include "base/ids.hpp"

namespace squall::crypto {

// Letters and digits only, which every database engine and every URL takes as they are; each password of that form with
// at least one lower-case letter, one upper-case letter and one digit is equally likely. 27 of them (160 bits) fit
// Oracle's limit of 30. `length` must be at least 8. The result is masked in logs from here on.
std::string generate_password(Random& random, size_t length = 27);

}  // namespace squall::crypto
