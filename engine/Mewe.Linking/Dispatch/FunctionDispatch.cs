namespace Mewe.Linking;

/// <summary>How one dispatcher comes to its choice. The numbers are written into the <c>mewe</c> section.</summary>
public enum DispatchMode : byte
{
    /// <summary>A fresh choice on every call.</summary>
    Call = 0,

    /// <summary>One choice for each outermost call from the host, see <see cref="DispatchPolicy.Entry"/>.</summary>
    Entry = 1,

    /// <summary>One choice for each instance, made at first use.</summary>
    Instance = 2,

    /// <summary><see cref="LinkOptions.ForcedChoice"/>, always.</summary>
    Forced = 3,

    /// <summary>A fresh choice on every <see cref="FunctionDispatch.Period"/>-th call; the calls between keep it.</summary>
    Periodic = 4,

    /// <summary>No dispatcher: who calls the function by its index gets the original. Its variants are reached by bound calls only.</summary>
    Direct = 5,

    /// <summary>The choice is read from an exported global, which whoever measures the variants sets. Never handed over.</summary>
    Steered = 6,
}

/// <summary>How a dispatcher gets from its choice to the function. The numbers are written into the <c>mewe</c> section.</summary>
public enum DispatchForm : byte
{
    /// <summary>One indirect jump (br_table): as dear as one wrong guess of the processor where choices are fresh, whatever their number.</summary>
    BranchTable = 0,

    /// <summary>Nested comparisons: cheaper where the choice seldom changes and the engine's table jumps are slow, dearer where it is fresh.</summary>
    BinarySearch = 1,

    /// <summary>
    /// One indirect jump into the code of the chosen body, which stands in the dispatcher itself: no second frame, and a cold choice touches no entry of the engine's jump table. For small bodies;
    /// the functions stay where they are, for calls that name them and for whoever checks them.
    /// </summary>
    Inlined = 2,
}

/// <summary>What the calls of one diversified function get.</summary>
/// <param name="Mode">What a call through the function's index gets.</param>
public sealed record FunctionDispatch(DispatchMode Mode)
{
    /// <summary>The longest period: the calls of a function that a counter can tell apart without a sign.</summary>
    public const uint MaxPeriod = int.MaxValue;

    public DispatchForm Form { get; init; } = DispatchForm.BranchTable;

    /// <summary>For <see cref="DispatchMode.Periodic"/>: 1 to <see cref="MaxPeriod"/>; 0 for all others.</summary>
    public uint Period { get; init; }

    /// <summary>
    /// Direct calls that stand in bodies of diversified functions do not go through the dispatcher: each call site of each body goes to one of this function's
    /// choices, which the linker draws (<see cref="Dispatch.BoundCalls"/>). Which path is taken through the callee then follows from the choice that was made for the caller,
    /// and costs nothing. Calls from anywhere else (tables, exports, functions without variants) go through <see cref="Mode"/>.
    /// </summary>
    public bool Bound { get; init; }
}
