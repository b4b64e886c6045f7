#include "augment/mixture.h"

#include <algorithm>

#include "colour/kernels.h"

namespace fastinet {

void Mixture::Start(Bytes image, float weight) {
  origin_.assign(image.begin(), image.end());
  sums_.assign(image.size(), 0);
  if (weight > 0) AddWeighted(sums_.data(), image.size(), image.data(), weight);
}

void Mixture::AddChain(float weight, MutableBytes image) {
  AddWeighted(sums_.data(), image.size(), image.data(), weight);
  std::ranges::copy(origin_, image.begin());
}

void Mixture::End(float share, MutableBytes image) {
  TruncateSums(image.data(), image.size(), sums_.data());
  BlendWithPlane(image.data(), image.size(), origin_.data(), share);
}

}  // namespace fastinet
