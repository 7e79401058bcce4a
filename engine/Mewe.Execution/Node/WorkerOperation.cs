namespace Mewe.Execution.Node;

/// <summary>What a worker can be asked to do; see Worker/main.js.</summary>
internal enum WorkerOperation : byte
{
    Hello = 0,
    Validate = 1,
    Sweep = 2,
    Run = 3,
    Session = 4,
    Time = 5,
    Code = 6,
}
