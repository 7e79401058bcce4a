using System.Diagnostics.CodeAnalysis;

namespace Mewe.Execution;

/// <summary>What an engine gives back: an answer, or the reason why the engine itself could not give one.</summary>
public readonly struct EngineResult<T>
{
    private readonly T? value;
    private readonly EngineFailure? failure;
    private readonly bool answered;

    /// <summary>An answer.</summary>
    public EngineResult(T value)
    {
        this.value = value;
        answered = true;
    }

    /// <summary>A failure of the engine.</summary>
    public EngineResult(EngineFailure failure) => this.failure = failure;

    /// <summary>Whether the engine answered.</summary>
    public bool Answered => answered;

    /// <summary>The answer; throws <see cref="InvalidOperationException"/> with the failure's message when there is none.</summary>
    public T Value => answered ? value! : throw new InvalidOperationException($"The engine gave no answer: {Failure}");

    /// <summary>Why there is no answer; null when there is one.</summary>
    public EngineFailure? Failure => answered ? null : failure ?? new EngineFailure(EngineFailureKind.Unavailable, "no request was made");

    /// <summary>Takes the answer or the failure apart: exactly one of them is set.</summary>
    public bool TryGet([NotNullWhen(true)] out T? answer, [NotNullWhen(false)] out EngineFailure? reason)
    {
        answer = value;
        reason = Failure;
        return answered;
    }

    public static implicit operator EngineResult<T>(T value) => new(value);

    public static implicit operator EngineResult<T>(EngineFailure failure) => new(failure);
}

/// <summary>Why an engine could not answer a request. Nothing may be concluded about the module from it.</summary>
/// <param name="Kind">What happened to the engine.</param>
/// <param name="Message">One line for a person; for a crash the end of what the engine printed.</param>
public sealed record EngineFailure(EngineFailureKind Kind, string Message)
{
    public override string ToString() => $"{Kind}: {Message}";
}

/// <summary>What happened to an engine that could not answer.</summary>
public enum EngineFailureKind
{
    /// <summary>The request was not finished when the abort limit passed, or had used up its fuel; its process was killed, or its code was ended.</summary>
    Hung,

    /// <summary>The process ended by itself, twice: once on the first try and once on a fresh process.</summary>
    Crashed,

    /// <summary>As <see cref="Crashed"/>, and the engine said that memory ran out.</summary>
    OutOfMemory,

    /// <summary>There is no engine to be found, it is too old, or it does not start.</summary>
    Unavailable,

    /// <summary>The engine process answered that it cannot understand the request: a defect of Mewe.</summary>
    Refused,
}

/// <summary>Whether a module is valid.</summary>
/// <param name="Valid">The engine accepts the module.</param>
/// <param name="Message">Why not, in the engine's words; null when it is valid.</param>
public sealed record EngineValidation(bool Valid, string? Message);
