namespace Mewe.Store;

/// <summary>
/// Where a job stands. The last three are terminal. The numbers stand in stores. README.md has the transitions.
/// </summary>
public enum JobState
{
    /// <summary>Waits for a silo that plans it.</summary>
    Queued = 1,
    /// <summary>A silo plans it.</summary>
    Planning = 2,
    /// <summary>Its functions are worked on; or all of them are finished, and it waits for a silo that links it.</summary>
    Running = 3,
    /// <summary>A silo links it.</summary>
    Linking = 4,
    Completed = 5,
    Failed = 6,
    Cancelled = 7,
}

/// <summary>Where a function of a job stands. The last three are terminal. The numbers stand in stores.</summary>
public enum FunctionState
{
    /// <summary>Waits for a silo, perhaps until a time (after a failure).</summary>
    Available = 1,
    /// <summary>A silo works on it.</summary>
    Running = 2,
    Done = 3,
    /// <summary>Failed as often as it may. The job goes on and links the others.</summary>
    Failed = 4,
    /// <summary>Its job was cancelled before it was finished.</summary>
    Cancelled = 5,
}

/// <summary>A part of a job that one silo does alone.</summary>
public enum JobStep
{
    Plan = 1,
    Link = 2,
}

/// <summary>How sure a variant is. The numbers stand in stores.</summary>
public enum VariantEvidence
{
    /// <summary>Proved equal to the original for all inputs.</summary>
    Proved = 1,
    /// <summary>Passed all its tests; nobody tried to prove it, or it was given up (the reason says so).</summary>
    Tested = 2,
}

public static class StateExtensions
{
    public static bool IsTerminal(this JobState state) => state >= JobState.Completed;

    public static bool IsTerminal(this FunctionState state) => state >= FunctionState.Done;
}
