#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_ENVIRONMENT_BODY_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_ENVIRONMENT_BODY_H_

#include "supervisor/nursery/nursery.h"
#include "supervisor/task/task.h"
#include "supervisor/task/task_function.h"

namespace espalier {

// The function of an environment, with its options bound.
using EnvironmentBody = TaskFunction<Task<void>(Nursery&)>;

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_ENVIRONMENT_BODY_H_
