//! The built-in cities: coordinates and round populations of urban areas (public knowledge, as in the United
//! Nations' World Urbanization Prospects), and how many people are online in each country (round figures after
//! the ITU's and the World Bank's share of individuals who use the internet, 2022 to 2024).
//!
//! A country's people are spread over its cities here in proportion to their size. Countries that are not listed
//! are some 15 % of those online.

use super::Place;

/// A city.
pub(super) struct City {
    pub(super) name: &'static str,
    country: &'static str,
    pub(super) place: Place,
    /// Thousands.
    population: u32,
}

const fn city(
    name: &'static str,
    country: &'static str,
    lat_centi: i32,
    lon_centi: i32,
    population: u32,
) -> City {
    City { name, country, place: Place { lat_centi, lon_centi }, population }
}

/// How likely each city is: thousands of people online that it stands for.
pub(super) fn weights() -> Vec<u32> {
    let weight = |city: &City| {
        let online = ONLINE_MILLIONS.iter().find(|(country, _)| *country == city.country);
        let in_country = CITIES.iter().filter(|other| other.country == city.country);
        let sum: u64 = in_country.map(|other| u64::from(other.population)).sum();
        let thousands = u64::from(online.map_or(0, |(_, millions)| *millions)) * 1_000;
        u32::try_from(thousands * u64::from(city.population) / sum).unwrap_or(u32::MAX)
    };
    CITIES.iter().map(weight).collect()
}

#[rustfmt::skip]
pub(super) const CITIES: &[City] = &[
    city("Shanghai", "China", 3123, 12147, 29_000),
    city("Beijing", "China", 3990, 11641, 21_500),
    city("Guangzhou", "China", 2313, 11326, 27_000),
    city("Chengdu", "China", 3057, 10407, 17_000),
    city("Wuhan", "China", 3059, 11431, 11_000),
    city("Hong Kong", "Hong Kong", 2232, 11417, 7_500),
    city("Taipei", "Taiwan", 2503, 12157, 7_000),
    city("Tokyo", "Japan", 3568, 13969, 37_000),
    city("Osaka", "Japan", 3469, 13550, 19_000),
    city("Seoul", "South Korea", 3757, 12698, 25_500),
    city("Delhi", "India", 2861, 7721, 33_000),
    city("Mumbai", "India", 1908, 7288, 21_500),
    city("Bangalore", "India", 1297, 7759, 14_000),
    city("Kolkata", "India", 2257, 8836, 15_500),
    city("Chennai", "India", 1308, 8027, 12_000),
    city("Karachi", "Pakistan", 2486, 6701, 17_500),
    city("Lahore", "Pakistan", 3155, 7434, 14_000),
    city("Dhaka", "Bangladesh", 2381, 9041, 23_500),
    city("Jakarta", "Indonesia", -621, 10685, 34_000),
    city("Surabaya", "Indonesia", -726, 11275, 6_500),
    city("Manila", "Philippines", 1460, 12098, 24_500),
    city("Bangkok", "Thailand", 1376, 10050, 17_500),
    city("Ho Chi Minh City", "Vietnam", 1082, 10663, 14_000),
    city("Hanoi", "Vietnam", 2103, 10585, 8_500),
    city("Singapore", "Singapore", 135, 10382, 6_000),
    city("Kuala Lumpur", "Malaysia", 314, 10169, 8_800),
    city("Sydney", "Australia", -3387, 15121, 5_400),
    city("Melbourne", "Australia", -3781, 14496, 5_200),
    city("Auckland", "New Zealand", -3685, 17476, 1_650),
    city("Tehran", "Iran", 3569, 5139, 14_000),
    city("Dubai", "United Arab Emirates", 2520, 5527, 3_600),
    city("Riyadh", "Saudi Arabia", 2471, 4668, 7_600),
    city("Tel Aviv", "Israel", 3209, 3478, 4_400),
    city("Istanbul", "Turkey", 4101, 2898, 15_800),
    city("Ankara", "Turkey", 3993, 3286, 5_800),
    city("Cairo", "Egypt", 3004, 3124, 22_000),
    city("Casablanca", "Morocco", 3357, -759, 3_900),
    city("Lagos", "Nigeria", 652, 338, 16_500),
    city("Accra", "Ghana", 560, -19, 2_700),
    city("Nairobi", "Kenya", -129, 3682, 5_500),
    city("Addis Ababa", "Ethiopia", 903, 3874, 5_700),
    city("Kinshasa", "DR Congo", -444, 1527, 17_000),
    city("Johannesburg", "South Africa", -2620, 2805, 10_500),
    city("Cape Town", "South Africa", -3392, 1842, 4_900),
    city("Moscow", "Russia", 5576, 3762, 17_500),
    city("Saint Petersburg", "Russia", 5993, 3034, 5_600),
    city("Novosibirsk", "Russia", 5503, 8292, 1_700),
    city("Kyiv", "Ukraine", 5045, 3052, 3_000),
    city("Warsaw", "Poland", 5223, 2101, 3_100),
    city("Bucharest", "Romania", 4443, 2610, 1_800),
    city("Vienna", "Austria", 4821, 1637, 2_000),
    city("Berlin", "Germany", 5252, 1341, 4_700),
    city("Frankfurt", "Germany", 5011, 868, 2_700),
    city("Munich", "Germany", 4814, 1158, 2_900),
    city("Zurich", "Switzerland", 4738, 854, 1_400),
    city("Milan", "Italy", 4546, 919, 4_900),
    city("Rome", "Italy", 4190, 1250, 4_300),
    city("Paris", "France", 4886, 235, 11_300),
    city("Lyon", "France", 4576, 484, 1_800),
    city("London", "United Kingdom", 5151, -13, 14_800),
    city("Manchester", "United Kingdom", 5348, -224, 2_800),
    city("Amsterdam", "Netherlands", 5237, 490, 2_500),
    city("Stockholm", "Sweden", 5933, 1807, 1_700),
    city("Madrid", "Spain", 4042, -370, 6_800),
    city("Lisbon", "Portugal", 3872, -914, 3_000),
    city("New York", "United States", 4071, -7401, 19_500),
    city("Los Angeles", "United States", 3405, -11824, 12_800),
    city("Chicago", "United States", 4188, -8763, 9_300),
    city("Dallas", "United States", 3278, -9680, 8_100),
    city("Atlanta", "United States", 3375, -8439, 6_300),
    city("Miami", "United States", 2576, -8019, 6_200),
    city("Seattle", "United States", 4761, -12233, 4_000),
    city("Denver", "United States", 3974, -10499, 3_000),
    city("Toronto", "Canada", 4365, -7938, 6_800),
    city("Vancouver", "Canada", 4928, -12312, 2_700),
    city("Mexico City", "Mexico", 1943, -9913, 22_500),
    city("Monterrey", "Mexico", 2569, -10032, 5_300),
    city("Bogota", "Colombia", 471, -7407, 11_500),
    city("Lima", "Peru", -1205, -7704, 11_300),
    city("Santiago", "Chile", -3345, -7067, 7_000),
    city("Buenos Aires", "Argentina", -3460, -5838, 15_500),
    city("Sao Paulo", "Brazil", -2355, -4663, 22_800),
    city("Rio de Janeiro", "Brazil", -2291, -4317, 13_800),
    city("Fortaleza", "Brazil", -373, -3854, 4_200),
];

#[rustfmt::skip]
const ONLINE_MILLIONS: &[(&str, u32)] = &[
    ("China", 1090),
    ("Hong Kong", 7),
    ("Taiwan", 22),
    ("Japan", 105),
    ("South Korea", 50),
    ("India", 800),
    ("Pakistan", 110),
    ("Bangladesh", 80),
    ("Indonesia", 205),
    ("Philippines", 85),
    ("Thailand", 63),
    ("Vietnam", 78),
    ("Singapore", 6),
    ("Malaysia", 33),
    ("Australia", 25),
    ("New Zealand", 5),
    ("Iran", 72),
    ("United Arab Emirates", 9),
    ("Saudi Arabia", 36),
    ("Israel", 9),
    ("Turkey", 74),
    ("Egypt", 82),
    ("Morocco", 34),
    ("Nigeria", 85),
    ("Ghana", 24),
    ("Kenya", 23),
    ("Ethiopia", 25),
    ("DR Congo", 30),
    ("South Africa", 45),
    ("Russia", 130),
    ("Ukraine", 29),
    ("Poland", 33),
    ("Romania", 17),
    ("Austria", 9),
    ("Germany", 78),
    ("Switzerland", 9),
    ("Italy", 52),
    ("France", 58),
    ("United Kingdom", 66),
    ("Netherlands", 17),
    ("Sweden", 10),
    ("Spain", 46),
    ("Portugal", 9),
    ("United States", 320),
    ("Canada", 37),
    ("Mexico", 105),
    ("Colombia", 40),
    ("Peru", 27),
    ("Chile", 18),
    ("Argentina", 41),
    ("Brazil", 180),
];
