namespace Mewe.Grains;

/// <summary>How much longer a request may take.</summary>
/// <param name="Ratio">At least 1: 1.10 for a tenth more.</param>
public readonly record struct SlowdownBudget(double Ratio)
{
    /// <summary>A tenth of a very short request is less than one fresh choice takes; four of them are what it takes for requests that hardly ever repeat a path.</summary>
    public const double ShortRequest = 1000, ShortRequestAllowance = 60;

    /// <summary>Nanoseconds that may be added to a request that takes <paramref name="nanoseconds"/>.</summary>
    public double Of(double nanoseconds)
    {
        var share = (Ratio - 1) * nanoseconds;
        return nanoseconds < ShortRequest && Ratio > 1 ? Math.Max(share, ShortRequestAllowance) : share;
    }
}
