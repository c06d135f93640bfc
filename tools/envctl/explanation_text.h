#ifndef ESPALIER_TOOLS_ENVCTL_EXPLANATION_TEXT_H_
#define ESPALIER_TOOLS_ENVCTL_EXPLANATION_TEXT_H_

#include <string>
#include <vector>

#include "supervisor/control/explanation.h"

namespace espalier {

// What `envctl explain` prints of a chain that ControlClient::Explain gave: the
// whole of it in a sentence, and then a paragraph on each service.
std::string ExplanationText(const std::vector<Explanation>& chain);

// An object with "why", the sentence, and "chain", an object for each service.
// Times are in seconds.
std::string ExplanationJson(const std::vector<Explanation>& chain);

}  // namespace espalier

#endif  // ESPALIER_TOOLS_ENVCTL_EXPLANATION_TEXT_H_
