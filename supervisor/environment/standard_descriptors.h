#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_STANDARD_DESCRIPTORS_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_STANDARD_DESCRIPTORS_H_

namespace espalier {

// Opens /dev/null as each of stdin, stdout and stderr that is closed. The first
// thing that a program does: otherwise a file that it opens gets that number,
// and what is printed goes into it.
void OpenStandardDescriptors();

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_STANDARD_DESCRIPTORS_H_
