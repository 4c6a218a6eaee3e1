/** The colours of one appearance. Charts use a series that stays apart for colour-blind eyes. */
export type Palette = {
  ground: string;
  surface: string;
  ink: string;
  ink2: string;
  ink3: string;
  line: string;
  line2: string;
  accent: string;
  accentHover: string;
  accentFill: string;
  accentSoft: string;
  good: string;
  warn: string;
  bad: string;
  series: string[];
  ramp: string[];
};

// Series after Okabe and Ito (2008), reordered so that the first three differ most.
const SERIES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c", "#b8a800"];

export const LIGHT: Palette = {
  ground: "#f5f7f7",
  surface: "#ffffff",
  ink: "#172022",
  ink2: "#4c595c",
  ink3: "#677477",
  line: "#e4e9e9",
  line2: "#cbd3d4",
  accent: "#0b6e6b",
  accentHover: "#084f4d",
  accentFill: "#0b6e6b",
  accentSoft: "#e3f1f0",
  good: "#0f7148",
  warn: "#8f5200",
  bad: "#b3331a",
  series: SERIES,
  ramp: ["#eef5f5", "#c5e0df", "#8fc4c2", "#4fa3a0", "#0b6e6b", "#06413f"],
};

export const DARK: Palette = {
  ground: "#0f1415",
  surface: "#171e1f",
  ink: "#e5ebeb",
  ink2: "#aebabb",
  ink3: "#8f9c9e",
  line: "#283233",
  line2: "#3b4748",
  accent: "#5fcbc4",
  accentHover: "#8fe0da",
  accentFill: "#12807b",
  accentSoft: "#143231",
  good: "#57c493",
  warn: "#e0a44a",
  bad: "#f0866d",
  series: ["#4ba3dd", "#f08a3c", "#2fc498", "#dd9cc0", "#f0b73c", "#8fd0f5", "#a8a8a8", "#d8ca3a"],
  ramp: ["#1a2425", "#16403f", "#175f5c", "#196c68", "#5fcbc4", "#b6efeb"],
};
