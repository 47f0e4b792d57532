#include "clients/kubernetes/backoff.hpp"

#include <gtest/gtest.h>

namespace squall::kubernetes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, DoublesUpToTheLimitAndSpreadsOverTheUpperHalf) {
  Backoff backoff({}, Random::system());
  Duration now = seconds(1);
  for (Duration limit : {Duration(milliseconds(800)), Duration(milliseconds(1600)), Duration(milliseconds(3200)),
                         Duration(milliseconds(6400)), Duration(milliseconds(12800)), Duration(milliseconds(25600)),
                         Duration(seconds(30)), Duration(seconds(30))}) {
    const Duration delay = backoff.next(now);
    EXPECT_GE(delay, limit / 2);
    EXPECT_LE(delay, limit);
    now += seconds(10);
  }
}

TEST(Backoff, StartsAnewAfterAHealthyTime) {
  Backoff backoff({}, Random::system());
  for (int i = 0; i < 8; ++i) backoff.next(seconds(i));
  EXPECT_GT(backoff.next(seconds(8)), seconds(14));
  EXPECT_GT(backoff.next(seconds(8 + 120)), seconds(14)) << "not healthy for long enough";
  EXPECT_LE(backoff.next(seconds(8 + 120 + 121)), milliseconds(800));
}

TEST(Backoff, SpreadsWell) {
  Backoff::Limits limits;
  limits.first = limits.max = seconds(1);
  Backoff backoff(limits, Random::system());
  int early = 0;
  for (int i = 0; i < 1000; ++i) early += backoff.next(seconds(1)) < milliseconds(750) ? 1 : 0;
  EXPECT_GT(early, 350);
  EXPECT_LT(early, 650);
}

}  // namespace
}  // namespace squall::kubernetes
