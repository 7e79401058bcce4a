namespace Mewe.Linking;

/// <summary>When a dispatcher chooses anew. The numbers are written into the <c>mewe</c> section.</summary>
public enum DispatchPolicy : byte
{
    /// <summary>A fresh choice on every call of a function.</summary>
    Call = 0,

    /// <summary>
    /// A fresh choice for every outermost call from the host; during it each function keeps one choice. A call back from the host gets its own, and the
    /// outer call goes on with the choice it had. Calls that reach a function around its export (through a table or a function reference that the host
    /// holds) get a fresh choice each, as with <see cref="Call"/>.
    /// </summary>
    Entry = 1,

    /// <summary>One choice for each function and instance, made at first use.</summary>
    Instance = 2,

    /// <summary>Every dispatcher takes <see cref="LinkOptions.ForcedChoice"/>, or its last choice where it has fewer: the test oracle's.</summary>
    Forced = 3,

    /// <summary>Each function as its <see cref="FunctionVariants.Dispatch"/> says: the outcome of a plan.</summary>
    Auto = 4,

    /// <summary>Every dispatcher reads its choice from an exported global: to measure variants. See <see cref="DispatchMode.Steered"/>.</summary>
    Steered = 5,
}

/// <summary>What makes random bits inside the module. The numbers are written into the <c>mewe</c> section.</summary>
public enum GeneratorKind : byte
{
    /// <summary>A linear congruential generator: costs nearly nothing, and who observes a few choices can compute all others.</summary>
    Fast = 0,

    /// <summary>ChaCha8 under a key of 256 bits: choices tell nothing about other choices.</summary>
    ChaCha8 = 1,
}

/// <summary>Where the random bits come from. The numbers are written into the <c>mewe</c> section.</summary>
public enum RandomnessMode : byte
{
    /// <summary><see cref="Wasi"/> where the module imports WASI preview 1 and exports a plain memory to it, otherwise <see cref="Export"/>.</summary>
    Auto = 0,

    /// <summary>A generator in the module, seeded once from WASI's random_get.</summary>
    Wasi = 1,

    /// <summary>A generator in the module, seeded by whoever calls the exported function <c>mewe_seed(i64)</c>; until then from a constant.</summary>
    Export = 2,

    /// <summary>The host is asked on every choice, through the import <c>mewe.choose: (i32 count) -> i32</c>.</summary>
    Import = 3,

    /// <summary>Nothing random is needed: there is no dispatcher, or all of them are forced. Not an option, only a result.</summary>
    None = 4,
}

/// <summary>What decides the bytes of the linked module, beside the original and the variants.</summary>
public sealed record LinkOptions
{
    public DispatchPolicy Policy { get; init; } = DispatchPolicy.Call;

    public RandomnessMode Randomness { get; init; } = RandomnessMode.Auto;

    /// <summary>For <see cref="RandomnessMode.Wasi"/> and <see cref="RandomnessMode.Export"/>.</summary>
    public GeneratorKind Generator { get; init; } = GeneratorKind.Fast;

    /// <summary>For <see cref="DispatchPolicy.Forced"/>: the choice of every dispatcher; 0 is the original.</summary>
    public uint ForcedChoice { get; init; }

    /// <summary>Decides the constants of the module: the generator's first state where nobody seeds it, and what keeps the choices of functions apart.</summary>
    public ulong Seed { get; init; }

    /// <summary>Written into the <c>mewe</c> section: the version of the tool that made the module.</summary>
    public string ToolVersion { get; init; } = "";

    /// <summary>Written into the <c>mewe</c> section: the options that decided the variants, in a canonical form.</summary>
    public string RecordedOptions { get; init; } = "";

    /// <summary>Written into the <c>mewe</c> section: what was measured and decided, as JSON; empty where nothing was.</summary>
    public string Plan { get; init; } = "";

    /// <summary>Whether a module without a name section gets one.</summary>
    public bool AddNames { get; init; }
}

/// <summary>Why a module cannot be linked.</summary>
public enum LinkErrorKind
{
    /// <summary>The module is a multivariant module already.</summary>
    AlreadyMultivariant,

    /// <summary>A name that Mewe must export is taken.</summary>
    NameTaken,

    /// <summary>The randomness that was asked for cannot be had in this module.</summary>
    RandomnessUnavailable,

    /// <summary>A variant that does not fit its function: no such function, doubled, a call to an outlined function it does not have.</summary>
    UnfitVariant,

    /// <summary>The result would be larger than engines accept.</summary>
    LimitExceeded,

    /// <summary>The original's own bytes are wrong.</summary>
    BadModule,
}

/// <summary>Why a module cannot be linked, in a line for a person.</summary>
public sealed record LinkError(LinkErrorKind Kind, string Message)
{
    public override string ToString() => Message;
}

/// <summary>Carries a <see cref="LinkError"/>; <see cref="MultivariantLinker.TryLink"/> gives it as a value.</summary>
public sealed class LinkException(LinkError error) : Exception(error.Message)
{
    public LinkException(LinkErrorKind kind, string message)
        : this(new LinkError(kind, message))
    {
    }

    public LinkError Error { get; } = error;
}
