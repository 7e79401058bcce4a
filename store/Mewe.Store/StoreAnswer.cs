using System.Diagnostics.CodeAnalysis;

namespace Mewe.Store;

/// <summary>Why a store cannot be used.</summary>
public enum StoreProblemKind
{
    /// <summary>The file is damaged.</summary>
    Corrupt,
    /// <summary>The file is no store of Mewe's.</summary>
    NotAStore,
    /// <summary>A newer Mewe wrote the file.</summary>
    Newer,
    /// <summary>Another process holds it for longer than one waits.</summary>
    Locked,
    /// <summary>The file or its folder cannot be written.</summary>
    ReadOnly,
    /// <summary>It cannot be opened, or the disk is full, or fails.</summary>
    Unavailable,
    /// <summary>Its server does not answer now, and may soon: it starts, restarts, has no connection left, or is cut off.</summary>
    Unreachable,
    /// <summary>It was closed.</summary>
    Closed,
}

/// <summary>What is wrong with a store, for the user: what happened, to which file, and what to do.</summary>
public sealed record StoreProblem(StoreProblemKind Kind, string Message);

/// <summary>An answer, or why there is none. A store that fails costs speed, never a result, so its failures are values.</summary>
public readonly struct StoreAnswer<T>
{
    private readonly T? value;

    private StoreAnswer(T? value, StoreProblem? problem) => (this.value, Problem) = (value, problem);

    public StoreProblem? Problem { get; }

    /// <summary>The answer, or false and <see cref="Problem"/> says why not.</summary>
    public bool TryGet([MaybeNullWhen(false)] out T answer)
    {
        answer = value;
        return Problem is null;
    }

    /// <summary>What a function makes of the answer, or the same problem.</summary>
    public StoreAnswer<TOther> Select<TOther>(Func<T, TOther> function) => TryGet(out var answer) ? StoreAnswer<TOther>.Of(function(answer)) : Problem!;

    public static implicit operator StoreAnswer<T>(StoreProblem problem) => new(default, problem);

    public static StoreAnswer<T> Of(T answer) => new(answer, null);
}
